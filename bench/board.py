"""Generated boards of any size: questions, reviews and talk, with words that nearly every post has."""

import itertools
import random
from collections.abc import Iterator
from typing import Any

_BOARDS = ("FREE", "FREE", "QNA", "QNA", "QNA", "REVIEW")
_PARTS = (
    *("라이젠 7 7800X3D", "라이젠 5 7600", "i7-14700K", "i5-14600K", "RTX 4070 SUPER", "RTX 4060", "라데온 7800 XT"),
    *("B650E-F", "B760M", "삼성 990 PRO 2TB", "SN850X 1TB", "DDR5-6000 32GB", "NZXT H7", "리안리 O11", "850W 골드"),
)
_TITLES = (
    *("{} 견적 봐주세요", "{} 조립 후기", "{} 온도가 높습니다", "{} 어디서 사셨나요", "{} 부팅이 안 됩니다"),
    *("{} 추천 부탁드립니다", "{} 소음 질문", "{} 업그레이드 고민", "{} 호환되나요", "{} 가격이 올랐네요"),
)
_SENTENCES = (
    *("컴퓨터를 새로 맞추려고 합니다.", "게임은 주로 배틀그라운드와 로스트아크를 합니다.", "예산은 {}만원 정도입니다."),
    *("{}로 가려는데 괜찮을까요?", "{}에서 {}로 바꿨습니다.", "사용한 지 {}개월 되었습니다.", "팬 소음이 거슬립니다."),
    *(
        "케이스는 화이트로 통일하고 싶습니다.",
        "파워가 부족하지는 않을지 걱정입니다.",
        "바이오스는 최신으로 올렸습니다.",
    ),
    *(
        "온도는 {}도까지 올라갑니다.",
        "모니터는 QHD 165Hz를 쓰고 있습니다.",
        "그래픽카드가 케이스에 간섭 없이 들어가나요?",
    ),
    *("답변 미리 감사드립니다.", "윈도우 11을 설치했습니다.", "램은 {}로 두 개 꽂았습니다.", "중고로 구매했습니다."),
    *(
        "XMP를 켜면 재부팅이 됩니다.",
        "배송은 이틀 걸렸습니다.",
        "가성비가 좋다고 해서 골랐습니다.",
        "드라이버를 다시 깔았습니다.",
    ),
)
_AUTHORS = 50
_BATCH = 5_000


def serial(number: int) -> str:
    """The number of an order, which one post alone names."""
    return f"{(number + 1) * 2_654_435_761 % 2**32:08x}"


# Words of nearly every post, of one in five, and of a single post.
COMMON, USUAL, RARE = "습니다", "7800X3D", serial(99)


def posts(count: int) -> Iterator[tuple[Any, ...]]:
    """Rows of posts: author (from 0), board, title, content, views."""
    dice = random.Random(2)  # noqa: S311
    for number in range(count):
        texts = [dice.choice(_SENTENCES) for _ in range(dice.randrange(3, 14))]
        said = (text.format(*(dice.choice((*_PARTS, dice.randrange(3, 300))) for _ in range(2))) for text in texts)
        content = f"{' '.join(said)} 주문번호 {serial(number)}"
        title = dice.choice(_TITLES).format(dice.choice(_PARTS))
        yield number % _AUTHORS, dice.choice(_BOARDS), title, content, dice.randrange(5_000)


async def fill(cursor: Any, count: int) -> None:
    """`count` posts of fifty authors. The cursor is root's."""
    for statement in (
        *("SET foreign_key_checks = 0", "SET innodb_ft_enable_stopword = 0"),
        # Built at the end in one go, as it takes a tenth of the time.
        "ALTER TABLE posts DROP INDEX ft_posts_search",
    ):
        await cursor.execute(statement)
    await cursor.executemany(
        "INSERT INTO users (email, nickname) VALUES (%s, %s)",
        [(f"author{number}@example.com", f"글쓴이{number}") for number in range(_AUTHORS)],
    )
    await cursor.execute("SELECT MIN(id) FROM users WHERE email LIKE 'author%%@example.com'")
    ((first,),) = await cursor.fetchall()
    rows = posts(count)
    while batch := list(itertools.islice(rows, _BATCH)):
        await cursor.executemany(
            "INSERT INTO posts (user_id, board_type, title, content, view_count, created_at) VALUES"
            " (%s, %s, %s, %s, %s, TIMESTAMPADD(SECOND, -CRC32(content) %% 10000000, UTC_TIMESTAMP(6)))",
            [(first + author, *rest) for author, *rest in batch],
        )
    for statement in (
        "ALTER TABLE posts ADD FULLTEXT INDEX ft_posts_search (title, content) WITH PARSER ngram",
        "ANALYZE TABLE posts",
    ):
        await cursor.execute(statement)
        await cursor.fetchall()

"""The small seed: one administrator, five parts, one build."""

from jiucom.seed.catalogue import PARTS
from jiucom.seed.model import Build, Comment, Favorite, Like, Offer, Post, PricePoint, Review, Seed, Seller, User

# In this seed's order: graphics card, processor, memory, motherboard, power supply.
_NAMES = (
    "NVIDIA GeForce RTX 4070 Ti SUPER",
    "AMD Ryzen 7 7800X3D",
    "Samsung DDR5 32GB (16GBx2) 5600MHz",
    "ASUS ROG STRIX B650E-F GAMING WIFI",
    "Corsair RM850x 850W 80+ Gold",
)

DEV = Seed(
    users=(User("admin@jiucom.com", "admin", "ADMIN", 24 * 7),),
    sellers=(
        Seller("다나와", "https://www.danawa.com", 4.5),
        Seller("컴퓨존", "https://www.compuzone.co.kr", 4.2),
        Seller("11번가", "https://www.11st.co.kr", 4.0),
    ),
    parts=tuple(next(part for part in PARTS if part.name == name) for name in _NAMES),
    offers=(
        Offer(1, 1, 1_190_000),
        Offer(1, 2, 1_250_000),
        Offer(1, 3, 1_390_000),
        Offer(2, 1, 449_000),
        Offer(2, 2, 520_000),
        Offer(3, 1, 139_000),
        Offer(3, 3, 169_000),
        Offer(4, 1, 289_000),
        Offer(4, 2, 339_000),
        Offer(5, 1, 189_000),
        Offer(5, 3, 159_000),
    ),
    history=(
        PricePoint(1, 1, 28, 1_330_000),
        PricePoint(1, 1, 21, 1_290_000),
        PricePoint(1, 1, 14, 1_260_000),
        PricePoint(1, 1, 7, 1_220_000),
        PricePoint(1, 1, 0, 1_190_000),
        PricePoint(1, 2, 14, 1_310_000),
        PricePoint(1, 2, 0, 1_250_000),
        PricePoint(2, 1, 20, 489_000),
        PricePoint(2, 1, 10, 465_000),
        PricePoint(2, 1, 0, 449_000),
    ),
    builds=(Build(1, "QHD 게이밍 견적", "호환성 검사를 함께 볼 수 있는 기본 견적입니다.", (1, 2, 3, 4, 5), 12, 48),),
    posts=(
        Post(1, "FREE", "JIUCOM에 오신 것을 환영합니다", "부품 이야기와 견적을 편하게 나눠 주세요.", 42, 72),
        Post(
            1,
            "QNA",
            "파워 용량은 어떻게 고르나요?",
            "CPU와 그래픽카드의 TDP 합계에 얼마나 여유를 두면 좋을까요?",
            18,
            48,
        ),
        Post(
            1,
            "NEWS",
            "가격 비교 기능이 열렸습니다",
            "판매처별 가격과 30일 가격 흐름을 부품 화면에서 볼 수 있습니다.",
            27,
            24,
        ),
    ),
    comments=(
        Comment(1, 1, "첫 글에 댓글을 남겨 보세요.", 70),
        Comment(1, 1, "답글도 달 수 있습니다.", 69, parent=1),
        Comment(2, 1, "합계가 정격 용량의 80%를 넘지 않게 잡으면 넉넉합니다.", 40),
    ),
    reviews=(
        Review(1, 1, 5, "QHD 최고 옵션에서도 여유롭고 소음이 적습니다.", 36),
        Review(1, 2, 5, "게임 성능은 더 바랄 것이 없고 발열도 낮습니다.", 30),
    ),
    favorites=(Favorite(1, 1), Favorite(1, 2)),
    likes=(Like(1, "POST", 1), Like(1, "REVIEW", 1), Like(1, "BUILD", 1)),
)

"""The large seed: four users, five sellers, the whole catalogue and a lively community."""

from jiucom.seed.catalogue import PARTS
from jiucom.seed.demo_community import BUILDS, COMMENTS, POSTS, REVIEWS
from jiucom.seed.model import Favorite, Like, Offer, PricePoint, Seed, Seller, User

_DANAWA, _COMPUZONE, _ELEVENTH, _COUPANG = 1, 2, 3, 4

_SECOND_SELLERS = {
    _COMPUZONE: (1, 3, 6, 7, 11, 13, 15, 18, 21, 22, 27),
    _ELEVENTH: (4, 12, 20, 25),
    _COUPANG: (2, 5, 8, 9, 10, 14, 16, 17, 19, 23, 24, 28),
}
# Where the second seller undercuts the first.
_CHEAPER_ELSEWHERE = frozenset({5, 10, 12, 17, 19, 20, 23, 28})
# Out of stock everywhere: it has its list prices.
_SOLD_OUT = 26


def _offers() -> tuple[Offer, ...]:
    """Two offers per part, at the two ends of its price range."""
    offers = []
    for part, (low, high) in enumerate((part.prices for part in PARTS), 1):
        first, second = (high, low) if part in _CHEAPER_ELSEWHERE else (low, high)
        offers.append(Offer(part, _DANAWA, first, available=part != _SOLD_OUT))
        offers += [Offer(part, seller, second) for seller, parts in _SECOND_SELLERS.items() if part in parts]
    return tuple(offers)


DEMO = Seed(
    users=(
        User("admin@jiucom.com", "관리자", "ADMIN", 24 * 7),
        User("gamer@jiucom.com", "게이머김", "USER", 24 * 5),
        User("builder@jiucom.com", "견적마스터", "USER", 24 * 3),
        User("techie@jiucom.com", "테크매니아", "USER", 24),
    ),
    sellers=(
        Seller("다나와", "https://www.danawa.com", 4.8),
        Seller("컴퓨존", "https://www.compuzone.co.kr", 4.5),
        Seller("11번가", "https://www.11st.co.kr", 4.2),
        Seller("쿠팡", "https://www.coupang.com", 4.3),
        Seller("인터파크", "https://www.interpark.com", 4.0),
    ),
    parts=PARTS,
    offers=_offers(),
    history=(
        PricePoint(7, _DANAWA, 30, 1_350_000),
        PricePoint(7, _DANAWA, 25, 1_330_000),
        PricePoint(7, _DANAWA, 20, 1_310_000),
        PricePoint(7, _DANAWA, 15, 1_280_000),
        PricePoint(7, _DANAWA, 10, 1_250_000),
        PricePoint(7, _DANAWA, 5, 1_220_000),
        PricePoint(7, _DANAWA, 0, 1_190_000),
        PricePoint(7, _COMPUZONE, 28, 1_450_000),
        PricePoint(7, _COMPUZONE, 19, 1_430_000),
        PricePoint(7, _COMPUZONE, 9, 1_410_000),
        PricePoint(7, _COMPUZONE, 0, 1_390_000),
        PricePoint(1, _DANAWA, 27, 499_000),
        PricePoint(1, _DANAWA, 18, 485_000),
        PricePoint(1, _DANAWA, 9, 465_000),
        PricePoint(1, _DANAWA, 0, 449_000),
        PricePoint(18, _DANAWA, 20, 239_000),
        PricePoint(18, _DANAWA, 10, 229_000),
        PricePoint(18, _DANAWA, 0, 219_000),
    ),
    builds=BUILDS,
    posts=POSTS,
    comments=COMMENTS,
    reviews=REVIEWS,
    favorites=(
        Favorite(2, 1),
        Favorite(2, 7),
        Favorite(2, 18),
        Favorite(3, 6),
        Favorite(3, 25),
        Favorite(4, 9),
        Favorite(4, 11),
    ),
    likes=(
        Like(2, "POST", 3),
        Like(3, "POST", 1),
        Like(4, "POST", 1),
        Like(4, "POST", 8),
        Like(2, "BUILD", 1),
        Like(4, "BUILD", 1),
        Like(2, "BUILD", 2),
        Like(3, "REVIEW", 1),
        Like(2, "REVIEW", 4),
    ),
)

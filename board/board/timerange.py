"""Grafana's relative times, and the step that suits a range."""

import re
import time
from dataclasses import dataclass

from .language import t

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
LONGEST = 31 * 86400
_POINTS = 240


def seconds(duration: str) -> int:
    """Turn `15s` or `2h` into seconds. Raises ValueError for anything else."""
    match = re.fullmatch(r"(\d{1,6})([smhdw])", duration)
    if not match:
        raise ValueError(f"{duration!r}: {t('15s, 2h 같은 기간이 아닙니다', 'no duration like 15s or 2h')}")
    return int(match[1]) * UNITS[match[2]]


def check_refresh(refresh: str) -> None:
    """Raise ValueError unless a page's refresh is `off`, or from 5 seconds to a day: browsers take longer for no pause."""
    if refresh != "off" and not 5 <= seconds(refresh) <= UNITS["d"]:
        raise ValueError(f"{refresh!r}: {t('새로고침은 5s에서 1d까지입니다', 'the refresh is from 5s to 1d')}")


@dataclass(frozen=True)
class TimeRange:
    """From `start` to `end` (Unix seconds, multiples of `step`); `last` is the end to the second, for instant queries."""

    start: int
    end: int
    last: int
    step: int
    scrape: int

    @classmethod
    def parse(cls, start: str, end: str, scrape: int) -> "TimeRange":
        """Read `now`, `now-1h` or milliseconds. Raises ValueError where they are malformed or no range."""
        now = int(time.time())
        first, last = _moment(start, now), _moment(end, now)
        if not 0 < last - first <= LONGEST:
            raise ValueError(
                t(
                    "끝이 시작보다 뒤이고 31일 이내여야 합니다",
                    "the range must end after it starts, and span 31 days at most",
                )
            )
        step = max(scrape, -(-(last - first) // _POINTS // scrape) * scrape)
        # Aligned to the step: two looks within a step ask the same question, and are answered from memory.
        return cls(first // step * step, last // step * step, last // scrape * scrape, step, scrape)

    def macros(self) -> dict[str, str]:
        """Return the values of Grafana's built-in variables."""
        return {
            "__rate_interval": f"{max(self.step + self.scrape, 4 * self.scrape)}s",
            "__interval": f"{self.step}s",
            "__range": f"{self.end - self.start}s",
        }


def _moment(text: str, now: int) -> int:
    if text == "now":
        return now
    if text.startswith("now-"):
        return now - seconds(text[4:])
    if text.isdigit() and len(text) <= 14:
        return int(text) // 1000
    raise ValueError(
        f"{text!r}: {t('now-1h 같은 시각도, 1970년부터의 밀리초도 아닙니다', 'no time like now-1h or milliseconds')}"
    )

"""Numbers as people read them, in Grafana's units."""

import math
import re

_BINARY = ("B", "KiB", "MiB", "GiB", "TiB")
_SECONDS = ((1, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_SUFFIXES = {"reqps": " req/s", "ops": " ops/s", "cps": " c/s", "percent": "%", "percentunit": "%"}


def format_value(value: float, unit: str, decimals: int | None = None) -> str:
    """Write `value` with its unit; `decimals` None picks as many as are worth reading."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if unit == "bytes":
        power = min(int(math.log(abs(value), 1024)), len(_BINARY) - 1) if abs(value) >= 1 else 0
        return f"{_number(value / 1024**power, decimals)} {_BINARY[power]}"
    if unit == "s" and value:
        factor, name = next((pair for pair in _SECONDS if abs(value) >= pair[0]), _SECONDS[-1])
        return f"{_number(value / factor, decimals)} {name}"
    if unit == "percentunit":
        value *= 100
    if unit == "s" or unit in _SUFFIXES:
        return _number(value, decimals) + _SUFFIXES.get(unit, " s")
    for factor, suffix in ((1e9, " Bil"), (1e6, " Mil"), (1e3, " K")):
        if unit == "short" and abs(value) >= factor:
            return _number(value / factor, decimals) + suffix
    return _number(value, decimals)


def _number(value: float, decimals: int | None) -> str:
    if decimals is not None:
        return f"{value:.{decimals}f}"
    size = abs(value)
    places = 0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2 if size >= 0.1 else 4
    return f"{value:.{places}f}"


def format_tick(value: float, unit: str) -> str:
    """Write a mark of an axis: round numbers without the noughts that only make them longer."""
    return re.sub(r"\.(\d*?)0+(?!\d)", lambda mark: mark[1] and f".{mark[1]}", format_value(value, unit))


def axis_ticks(low: float, high: float, unit: str, count: int = 5) -> list[float]:
    """Return round values from `low` to at least `high`: steps of 1, 2 or 5, or of powers of two for bytes."""
    rough = max((high - low) / count, 1e-12)
    if unit == "bytes":
        step = 2.0 ** math.ceil(math.log2(rough))
    else:
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first = math.floor(low / step)
    return [step * number for number in range(first, math.ceil(high / step - 1e-9) + 1)] or [low]

"""The values that the rules compare, read once from a part's specifications. Unknown values are None or an empty set."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from jiucom.rules import boards, sockets, specs
from jiucom.rules.boards import CaseSizes
from jiucom.rules.specs import Specs


class Facts(Struct, frozen=True):
    """Of one part. Lengths in millimetres: a part's own, or the largest that a case takes."""

    sockets: frozenset[str] = frozenset()
    # How a cooler is mounted on the sockets.
    mounts: frozenset[str] = frozenset()
    memory: frozenset[str] = frozenset()
    sizes: frozenset[str] = frozenset()
    case: CaseSizes | None = None
    length: float | None = None
    height: float | None = None
    radiator: float | None = None
    watts: float | None = None
    sticks: int | None = None
    memory_slots: int | None = None
    m2_slots: int | None = None
    is_m2: bool = False


def read(category: str, values: Specs) -> Facts:
    """The facts about a part of this category."""
    reader = _READERS.get(category)
    return Facts(**reader(values)) if reader and values else NOTHING


NOTHING = Facts()


def _cpu(values: Specs) -> dict[str, Any]:
    found = specs.sockets(values, "socket")
    return {"sockets": found, "mounts": sockets.mounts(found), "watts": specs.watts(values, "tdp")}


def _motherboard(values: Specs) -> dict[str, Any]:
    return {
        "sockets": specs.sockets(values, "socket"),
        "memory": specs.memory_generations(values, "memoryType", "memory"),
        "sizes": specs.board_sizes(values, "formFactor"),
        "memory_slots": specs.count(values, "memorySlots"),
        "m2_slots": specs.count(values, "m2Slots"),
    }


def _ram(values: Specs) -> dict[str, Any]:
    pieces = specs.sticks(values, "modules", "capacity")
    return {
        "memory": specs.memory_generations(values, "type", "speed"),
        "sticks": specs.count(values, "modules") if pieces is None else pieces,
    }


def _gpu(values: Specs) -> dict[str, Any]:
    return {"length": specs.millimetres(values, "length"), "watts": specs.watts(values, "tdp")}


def _ssd(values: Specs) -> dict[str, Any]:
    return {"is_m2": specs.is_m2(values, "formFactor")}


def _power_supply(values: Specs) -> dict[str, Any]:
    return {"watts": specs.watts(values, "wattage")}


def _case(values: Specs) -> dict[str, Any]:
    return {
        "case": boards.case_sizes(specs.text(values, "formFactor")),
        "length": specs.millimetres(values, "maxGpuLength"),
        "height": specs.millimetres(values, "maxCoolerHeight"),
        "radiator": specs.radiator(values, "radiator"),
    }


def _cooler(values: Specs) -> dict[str, Any]:
    found = specs.sockets(values, "socket")
    return {
        "sockets": found,
        "mounts": sockets.mounts(found),
        "height": specs.millimetres(values, "height"),
        "radiator": specs.radiator(values, "radiator"),
    }


_READERS: dict[str, Callable[[Specs], dict[str, Any]]] = {
    "CPU": _cpu,
    "MOTHERBOARD": _motherboard,
    "RAM": _ram,
    "GPU": _gpu,
    "SSD": _ssd,
    "POWER_SUPPLY": _power_supply,
    "CASE": _case,
    "COOLER": _cooler,
}

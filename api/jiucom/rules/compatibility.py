"""Whether the parts of a build go together (contract 4.3): findings, which never stop a build from being saved.

Each rule is a function of the lines alone. A rule speaks only when the parts concerned carry the values it compares.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from jiucom.rules import specs

REQUIRED = ("CPU", "MOTHERBOARD", "POWER_SUPPLY")
SINGLE = ("CPU", "MOTHERBOARD", "CASE", "POWER_SUPPLY")

# The share of a power supply that the parts may ask for.
POWER_SHARE = 0.8

_NAMES = {"CPU": "CPU", "MOTHERBOARD": "메인보드", "POWER_SUPPLY": "파워서플라이", "CASE": "케이스"}


class Severity(StrEnum):
    """How bad it is: an ERROR does not work, a WARNING is not recommended or not complete."""

    ERROR = "ERROR"
    WARNING = "WARNING"


@dataclass(frozen=True, slots=True)
class Line:
    """One part of a build, `quantity` times."""

    part_id: int
    name: str
    category: str
    specs: Mapping[str, Any] = field(default_factory=dict)
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found: a code for programs, a Korean text for people, and the parts concerned."""

    code: str
    severity: Severity
    part_ids: tuple[int, ...]
    message: str


Rule = Callable[[Sequence[Line]], Iterator[Finding]]


def check(lines: Sequence[Line]) -> list[Finding]:
    """All findings about a build, in the order of the rules."""
    return [finding for rule in RULES for finding in rule(lines)]


def required_categories(lines: Sequence[Line]) -> Iterator[Finding]:
    """A computer needs a processor, a motherboard and a power supply."""
    present = {line.category for line in lines}
    for category in REQUIRED:
        if category not in present:
            text = f"필수 부품이 빠져 있습니다: {_NAMES[category]}"
            yield Finding("CATEGORY_MISSING", Severity.WARNING, (), text)


def single_categories(lines: Sequence[Line]) -> Iterator[Finding]:
    """It has one processor, motherboard, case and power supply."""
    for category in SINGLE:
        chosen = _of(lines, category)
        pieces = sum(line.quantity for line in chosen)
        if pieces > 1:
            text = f"한 개만 필요한 부품이 {pieces}개 담겨 있습니다: {_NAMES[category]}"
            yield Finding("CATEGORY_REPEATED", Severity.WARNING, _ids(chosen), text)


def cpu_socket(lines: Sequence[Line]) -> Iterator[Finding]:
    """Rule 1: processor and motherboard have the same socket."""
    for cpu, board in _pairs(lines, "CPU", "MOTHERBOARD"):
        ours, theirs = specs.sockets(cpu.specs, "socket"), specs.sockets(board.specs, "socket")
        if ours and theirs and not ours & theirs:
            text = f"CPU와 메인보드의 소켓이 다릅니다: {cpu.name} ({_list(ours)}), {board.name} ({_list(theirs)})"
            yield Finding("CPU_SOCKET_MISMATCH", Severity.ERROR, _ids((cpu, board)), text)


def memory_generation(lines: Sequence[Line]) -> Iterator[Finding]:
    """Rule 2: the motherboard supports the memory's generation."""
    for ram, board in _pairs(lines, "RAM", "MOTHERBOARD"):
        ours = specs.memory_generations(ram.specs, "type", "speed")
        theirs = specs.memory_generations(board.specs, "memoryType", "memory")
        if ours and theirs and not ours & theirs:
            text = f"메인보드가 지원하지 않는 메모리입니다: {ram.name} ({_list(ours)}), {board.name} ({_list(theirs)})"
            yield Finding("MEMORY_GENERATION_MISMATCH", Severity.ERROR, _ids((ram, board)), text)


def gpu_length(lines: Sequence[Line]) -> Iterator[Finding]:
    """Rule 3: the graphics card is not longer than the case allows."""
    for gpu, case in _pairs(lines, "GPU", "CASE"):
        length, limit = specs.millimetres(gpu.specs, "length"), specs.millimetres(case.specs, "maxGpuLength")
        if length is not None and limit is not None and length > limit:
            text = f"그래픽카드가 케이스보다 깁니다: {gpu.name} ({length:g}mm), {case.name} (최대 {limit:g}mm)"
            yield Finding("GPU_TOO_LONG", Severity.ERROR, _ids((gpu, case)), text)


def cooler_height(lines: Sequence[Line]) -> Iterator[Finding]:
    """Rule 4: the cooler is not higher than the case allows."""
    for cooler, case in _pairs(lines, "COOLER", "CASE"):
        height = specs.millimetres(cooler.specs, "height")
        limit = specs.millimetres(case.specs, "maxCoolerHeight")
        if height is not None and limit is not None and height > limit:
            text = f"쿨러가 케이스보다 높습니다: {cooler.name} ({height:g}mm), {case.name} (최대 {limit:g}mm)"
            yield Finding("COOLER_TOO_TALL", Severity.ERROR, _ids((cooler, case)), text)


def power(lines: Sequence[Line]) -> Iterator[Finding]:
    """Rule 5: processors and graphics cards ask for at most 80 % of the power supply (a recommendation)."""
    supplies = _of(lines, "POWER_SUPPLY")
    offered = _total(supplies, "wattage")
    # A consumer without a value only makes the sum too small: what exceeds the limit without it exceeds it with it.
    consumers = [(line, specs.watts(line.specs, "tdp")) for line in (*_of(lines, "CPU"), *_of(lines, "GPU"))]
    known = [(line, watts * line.quantity) for line, watts in consumers if watts is not None]
    needed = sum(watts for _, watts in known)
    if offered is None or needed <= POWER_SHARE * offered:
        return
    severity = Severity.ERROR if needed > offered else Severity.WARNING
    text = (
        f"파워서플라이 용량이 부족합니다: 소비 전력 합계 {needed:g}W,"
        f" 정격 {offered:g}W의 권장 한도 {POWER_SHARE * offered:g}W"
    )
    yield Finding("POWER_INSUFFICIENT", severity, _ids([*supplies, *(line for line, _ in known)]), text)


def board_size(lines: Sequence[Line]) -> Iterator[Finding]:
    """Rule 6: the case takes motherboards of this form factor."""
    for board, case in _pairs(lines, "MOTHERBOARD", "CASE"):
        ours, theirs = specs.board_sizes(board.specs, "formFactor"), specs.board_sizes(case.specs, "formFactor")
        if ours and theirs and not specs.board_fits(ours, theirs):
            text = f"메인보드가 케이스에 들어가지 않습니다: {board.name} ({_list(ours)}), {case.name} ({_list(theirs)})"
            yield Finding("BOARD_TOO_LARGE", Severity.ERROR, _ids((board, case)), text)


def m2_slots(lines: Sequence[Line]) -> Iterator[Finding]:
    """Rule 7: there are as many M.2 slots as M.2 drives."""
    boards = _of(lines, "MOTHERBOARD")
    drives = [line for line in _of(lines, "SSD") if specs.text(line.specs, "formFactor").upper().startswith("M.2")]
    slots = _slots(boards, "m2Slots")
    needed = sum(line.quantity for line in drives)
    if slots is not None and needed > slots:
        text = f"M.2 슬롯이 부족합니다: M.2 SSD {needed}개, 슬롯 {slots}개"
        yield Finding("M2_SLOTS_EXCEEDED", Severity.ERROR, _ids([*drives, *boards]), text)


def memory_slots(lines: Sequence[Line]) -> Iterator[Finding]:
    """There are as many memory slots as modules."""
    boards = _of(lines, "MOTHERBOARD")
    kits = [
        (line, specs.sticks(line.specs, "modules") or specs.sticks(line.specs, "capacity"))
        for line in _of(lines, "RAM")
    ]
    known = [(line, sticks * line.quantity) for line, sticks in kits if sticks is not None]
    slots = _slots(boards, "memorySlots")
    needed = sum(sticks for _, sticks in known)
    if slots is not None and needed > slots:
        text = f"메모리 슬롯이 부족합니다: 메모리 {needed}개, 슬롯 {slots}개"
        yield Finding("MEMORY_SLOTS_EXCEEDED", Severity.ERROR, _ids([*(line for line, _ in known), *boards]), text)


def cooler_socket(lines: Sequence[Line]) -> Iterator[Finding]:
    """The cooler fits the processor's socket."""
    for cooler, cpu in _pairs(lines, "COOLER", "CPU"):
        ours, theirs = specs.sockets(cooler.specs, "socket"), specs.sockets(cpu.specs, "socket")
        if ours and theirs and not ours & theirs:
            text = f"쿨러가 지원하지 않는 CPU 소켓입니다: {cooler.name} ({_list(ours)}), {cpu.name} ({_list(theirs)})"
            yield Finding("COOLER_SOCKET_MISMATCH", Severity.ERROR, _ids((cooler, cpu)), text)


def radiator(lines: Sequence[Line]) -> Iterator[Finding]:
    """The radiator is not larger than the case allows."""
    for cooler, case in _pairs(lines, "COOLER", "CASE"):
        size, limit = specs.millimetres(cooler.specs, "radiator"), specs.millimetres(case.specs, "radiator")
        if size is not None and limit is not None and size > limit:
            text = f"라디에이터가 케이스보다 큽니다: {cooler.name} ({size:g}mm), {case.name} (최대 {limit:g}mm)"
            yield Finding("RADIATOR_TOO_LARGE", Severity.ERROR, _ids((cooler, case)), text)


RULES: tuple[Rule, ...] = (
    required_categories,
    single_categories,
    cpu_socket,
    memory_generation,
    gpu_length,
    cooler_height,
    power,
    board_size,
    m2_slots,
    memory_slots,
    cooler_socket,
    radiator,
)


def _of(lines: Sequence[Line], category: str) -> list[Line]:
    return [line for line in lines if line.category == category]


def _pairs(lines: Sequence[Line], first: str, second: str) -> Iterator[tuple[Line, Line]]:
    return ((one, other) for one in _of(lines, first) for other in _of(lines, second))


def _ids(lines: Sequence[Line]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(line.part_id for line in lines))


def _list(names: frozenset[str]) -> str:
    return "/".join(sorted(names))


def _total(lines: Sequence[Line], key: str) -> float | None:
    """The watts of all lines together; None unless every line has a value, and there is a line."""
    values = [(specs.watts(line.specs, key), line.quantity) for line in lines]
    if not values or any(value is None for value, _ in values):
        return None
    return sum(value * quantity for value, quantity in values if value is not None)


def _slots(boards: Sequence[Line], key: str) -> int | None:
    """The slots of all boards together; None unless every board has a value, and there is a board."""
    values = [(specs.count(board.specs, key), board.quantity) for board in boards]
    if not values or any(value is None for value, _ in values):
        return None
    return sum(value * quantity for value, quantity in values if value is not None)

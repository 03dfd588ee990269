"""Compatibility rules for the parts of a build. A build is saved whatever they find.

Each rule is a function of the parts alone. It reports something only when the parts have the values that it compares, and at
most once per part.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain, islice

from msgspec import Struct

from jiucom.rules import boards, facts, sockets
from jiucom.rules.facts import Facts
from jiucom.rules.specs import Specs

REQUIRED = ("CPU", "MOTHERBOARD", "POWER_SUPPLY")
SINGLE = ("CPU", "MOTHERBOARD", "CASE", "POWER_SUPPLY")

# The share of the power supply's watts that the parts may use.
POWER_SHARE = 0.8

# A list of a hundred parts could have five thousand findings.
MAX_FINDINGS = 50
# Socket names in a message at most: "LGA20xx" means a hundred sockets.
_MAX_NAMES = 6

_NAMES = {"CPU": "CPU", "MOTHERBOARD": "메인보드", "POWER_SUPPLY": "파워서플라이", "CASE": "케이스"}


class Severity(StrEnum):
    """ERROR: it does not work. WARNING: not recommended, incomplete or uncertain."""

    ERROR = "ERROR"
    WARNING = "WARNING"


class Line(Struct):
    """One part of a build, `quantity` times. Facts that are not given are read from `specs`."""

    part_id: int
    name: str
    category: str
    specs: Specs = {}
    quantity: int = 1
    known: Facts | None = None

    @property
    def facts(self) -> Facts:
        """The facts of the part."""
        if self.known is None:
            self.known = facts.read(self.category, self.specs)
        return self.known


class Finding(Struct, frozen=True):
    """The result of a rule: a code for programs, a Korean text for people, and the parts concerned."""

    code: str
    severity: Severity
    part_ids: tuple[int, ...]
    message: str


# Category -> its lines.
Parts = Mapping[str, Sequence[Line]]
Rule = Callable[[Parts], Iterator[Finding]]


def check(lines: Sequence[Line]) -> list[Finding]:
    """The findings about a build, in the order of the rules, MAX_FINDINGS at most."""
    parts = group(lines)
    return list(islice(chain.from_iterable(rule(parts) for rule in RULES), MAX_FINDINGS))


def group(lines: Sequence[Line]) -> Parts:
    """Lines by their category."""
    parts: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines:
        parts[line.category].append(line)
    return parts


def required_categories(parts: Parts) -> Iterator[Finding]:
    """A computer needs a processor, a motherboard and a power supply."""
    for category in REQUIRED:
        if category not in parts:
            text = f"필수 부품이 빠져 있습니다: {_NAMES[category]}"
            yield Finding("CATEGORY_MISSING", Severity.WARNING, (), text)


def single_categories(parts: Parts) -> Iterator[Finding]:
    """It has one processor, motherboard, case and power supply."""
    for category in SINGLE:
        chosen = parts.get(category, ())
        pieces = sum(line.quantity for line in chosen)
        if pieces > 1:
            text = f"한 개만 필요한 부품이 {pieces}개 담겨 있습니다: {_NAMES[category]}"
            yield Finding("CATEGORY_REPEATED", Severity.WARNING, _ids(chosen), text)


def cpu_socket(parts: Parts) -> Iterator[Finding]:
    """Rule 1: the motherboard takes the processor's socket."""

    def differ(cpu: Facts, board: Facts) -> bool:
        return bool(cpu.sockets and board.sockets) and not sockets.fits_board(cpu.sockets, board.sockets)

    for cpu, others in _conflicts(parts, "CPU", "MOTHERBOARD", differ):
        both = _compared(cpu, _list(cpu.facts.sockets), others, _list(others[0].facts.sockets))
        yield _error("CPU_SOCKET_MISMATCH", (cpu, *others), f"CPU와 메인보드의 소켓이 다릅니다: {both}")


def memory_generation(parts: Parts) -> Iterator[Finding]:
    """Rule 2: the motherboard supports the memory's generation."""

    def differ(ram: Facts, board: Facts) -> bool:
        return bool(ram.memory and board.memory) and ram.memory.isdisjoint(board.memory)

    for ram, others in _conflicts(parts, "RAM", "MOTHERBOARD", differ):
        both = _compared(ram, _list(ram.facts.memory), others, _list(others[0].facts.memory))
        yield _error("MEMORY_GENERATION_MISMATCH", (ram, *others), f"메인보드가 지원하지 않는 메모리입니다: {both}")


def gpu_length(parts: Parts) -> Iterator[Finding]:
    """Rule 3: the graphics card is not longer than the case allows."""
    for gpu, cases in _conflicts(parts, "GPU", "CASE", lambda gpu, case: _exceeds(gpu.length, case.length)):
        both = _measured(gpu, gpu.facts.length, cases, cases[0].facts.length)
        yield _error("GPU_TOO_LONG", (gpu, *cases), f"그래픽카드가 케이스보다 깁니다: {both}")


def cooler_height(parts: Parts) -> Iterator[Finding]:
    """Rule 4: the cooler is not higher than the case allows."""
    for cooler, cases in _conflicts(parts, "COOLER", "CASE", lambda cooler, case: _exceeds(cooler.height, case.height)):
        both = _measured(cooler, cooler.facts.height, cases, cases[0].facts.height)
        yield _error("COOLER_TOO_TALL", (cooler, *cases), f"쿨러가 케이스보다 높습니다: {both}")


def power(parts: Parts) -> Iterator[Finding]:
    """Rule 5: processors and graphics cards ask for at most 80 % of the power supply (a recommendation)."""
    supplies = parts.get("POWER_SUPPLY", ())
    offered = _total(supplies, [line.facts.watts for line in supplies])
    # Parts without a value are left out: if the sum is too high without them, it is too high with them.
    consumers = [line for kind in ("CPU", "GPU") for line in parts.get(kind, ()) if line.facts.watts is not None]
    needed = _total(consumers, [line.facts.watts for line in consumers])
    if offered is None or needed is None or needed <= POWER_SHARE * offered:
        return
    severity = Severity.ERROR if needed > offered else Severity.WARNING
    text = (
        f"파워서플라이 용량이 부족합니다: 소비 전력 합계 {needed:g}W,"
        f" 정격 {offered:g}W의 권장 한도 {POWER_SHARE * offered:g}W"
    )
    yield Finding("POWER_INSUFFICIENT", severity, _ids([*supplies, *consumers]), text)


def board_size(parts: Parts) -> Iterator[Finding]:
    """Rule 6: the case takes motherboards of this form factor. By the kind of case alone ("Mid Tower"): a warning."""

    def exceeds(board: Facts, case: Facts) -> bool:
        limit = case.case.sizes if case.case else None
        return bool(board.sizes and limit) and not boards.fits_case(board.sizes, limit or frozenset())

    for board, cases in _conflicts(parts, "MOTHERBOARD", "CASE", exceeds):
        limit = cases[0].facts.case
        certain = limit is not None and limit.certain
        both = _compared(board, _list(board.facts.sizes), cases, _list(limit.sizes if limit else frozenset()))
        text = (
            "메인보드가 케이스에 들어가지 않습니다" if certain else "메인보드가 케이스에 들어가는지 확인이 필요합니다"
        )
        severity = Severity.ERROR if certain else Severity.WARNING
        yield Finding("BOARD_TOO_LARGE", severity, _ids((board, *cases)), f"{text}: {both}")


def m2_slots(parts: Parts) -> Iterator[Finding]:
    """Rule 7: there are as many M.2 slots as M.2 drives."""
    mainboards = parts.get("MOTHERBOARD", ())
    drives = [line for line in parts.get("SSD", ()) if line.facts.is_m2]
    slots = _total(mainboards, [line.facts.m2_slots for line in mainboards])
    needed = sum(line.quantity for line in drives)
    if slots is not None and needed > slots:
        text = f"M.2 슬롯이 부족합니다: M.2 SSD {needed}개, 슬롯 {slots:g}개"
        yield _error("M2_SLOTS_EXCEEDED", [*drives, *mainboards], text)


def memory_slots(parts: Parts) -> Iterator[Finding]:
    """There are as many memory slots as modules."""
    mainboards = parts.get("MOTHERBOARD", ())
    kits = [line for line in parts.get("RAM", ()) if line.facts.sticks is not None]
    slots = _total(mainboards, [line.facts.memory_slots for line in mainboards])
    needed = _total(kits, [line.facts.sticks for line in kits]) or 0
    if slots is not None and needed > slots:
        text = f"메모리 슬롯이 부족합니다: 메모리 {needed:g}개, 슬롯 {slots:g}개"
        yield _error("MEMORY_SLOTS_EXCEEDED", [*kits, *mainboards], text)


def cooler_socket(parts: Parts) -> Iterator[Finding]:
    """The cooler can be mounted on the processor's socket."""

    def differ(cooler: Facts, cpu: Facts) -> bool:
        return bool(cooler.mounts and cpu.mounts) and cooler.mounts.isdisjoint(cpu.mounts)

    for cooler, cpus in _conflicts(parts, "COOLER", "CPU", differ):
        both = _compared(cooler, _list(cooler.facts.sockets), cpus, _list(cpus[0].facts.sockets))
        yield _error("COOLER_SOCKET_MISMATCH", (cooler, *cpus), f"쿨러가 지원하지 않는 CPU 소켓입니다: {both}")


def radiator(parts: Parts) -> Iterator[Finding]:
    """The radiator is not larger than the case allows."""
    for cooler, cases in _conflicts(
        parts, "COOLER", "CASE", lambda cooler, case: _exceeds(cooler.radiator, case.radiator)
    ):
        both = _measured(cooler, cooler.facts.radiator, cases, cases[0].facts.radiator)
        yield _error("RADIATOR_TOO_LARGE", (cooler, *cases), f"라디에이터가 케이스보다 큽니다: {both}")


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


def _conflicts(
    parts: Parts, first: str, second: str, conflict: Callable[[Facts, Facts], bool]
) -> Iterator[tuple[Line, list[Line]]]:
    """Each part of the first category that conflicts with parts of the second, and those."""
    others = parts.get(second)
    if others:
        for one in parts.get(first, ()):
            found = [other for other in others if conflict(one.facts, other.facts)]
            if found:
                yield one, found


def _exceeds(length: float | None, limit: float | None) -> bool:
    return length is not None and limit is not None and length > limit


def _error(code: str, concerned: Sequence[Line], text: str) -> Finding:
    return Finding(code, Severity.ERROR, _ids(concerned), text)


def _compared(one: Line, its: str, others: Sequence[Line], theirs: str) -> str:
    """Both sides of a comparison; of several others the first stands for all."""
    more = f" 외 {len(others) - 1}개" if len(others) > 1 else ""
    return f"{one.name} ({its}), {others[0].name} ({theirs}){more}"


def _measured(one: Line, its: float | None, cases: Sequence[Line], limit: float | None) -> str:
    return _compared(one, f"{its:g}mm", cases, f"최대 {limit:g}mm")


def _ids(lines: Sequence[Line]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(line.part_id for line in lines))


def _list(names: frozenset[str]) -> str:
    shown = sorted(names)
    return "/".join(shown[:_MAX_NAMES]) + (" 등" if len(shown) > _MAX_NAMES else "")


def _total(lines: Sequence[Line], values: Sequence[float | None]) -> float | None:
    """The values of all lines together; None unless every line has one, and there is a line."""
    if not lines or None in values:
        return None
    return sum(value * line.quantity for line, value in zip(lines, values, strict=True) if value is not None)

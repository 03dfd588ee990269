"""Applies the compatibility rules to parts of builds. Pure functions."""

from collections.abc import Iterable
from functools import lru_cache

import msgspec

from jiucom.domains.builds.schemas import BuildLine, Compatibility, CompatibilityFinding
from jiucom.rules import compatibility, facts
from jiucom.rules.compatibility import Finding, Line, Severity
from jiucom.rules.facts import Facts


def of_lines(lines: Iterable[BuildLine]) -> Compatibility:
    """Findings about a saved build."""
    return check(line_of(line.part_id, line.part_name, line.category, line.specs, line.quantity) for line in lines)


def line_of(part_id: int, name: str, category: str, specs: msgspec.Raw | None, quantity: int) -> Line:
    """A line for `check`, of a part with these specifications (JSON)."""
    known = facts.NOTHING if specs is None else facts_of(category, bytes(specs))
    return Line(part_id, name, category, quantity=quantity, known=known)


def check(lines: Iterable[Line]) -> Compatibility:
    """Findings about lines of parts."""
    findings = compatibility.check(list(lines))
    return Compatibility(
        compatible=all(finding.severity is not Severity.ERROR for finding in findings),
        compatibility_warnings=[finding.message for finding in findings],
        compatibility_findings=[_finding(finding) for finding in findings],
    )


# Specifications rarely change, and every view of a build reads them (20 kB each at most).
@lru_cache(maxsize=1024)
def facts_of(category: str, specs: bytes) -> Facts:
    """Read the values that the rules use from the specifications of a part (JSON)."""
    values = msgspec.json.decode(specs)
    return facts.read(category, values) if isinstance(values, dict) else facts.NOTHING


def _finding(finding: Finding) -> CompatibilityFinding:
    return CompatibilityFinding(finding.code, finding.severity, list(finding.part_ids), finding.message)

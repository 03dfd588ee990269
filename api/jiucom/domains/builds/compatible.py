"""From parts to what the rules say about them. Pure."""

from collections.abc import Iterable

from jiucom.domains.builds.schemas import BuildLine, Compatibility, CompatibilityFinding
from jiucom.rules import compatibility
from jiucom.rules.compatibility import Finding, Line, Severity


def of_lines(lines: Iterable[BuildLine]) -> Compatibility:
    """What the rules say about a saved build."""
    return check(Line(line.part_id, line.part_name, line.category, line.specs or {}, line.quantity) for line in lines)


def check(lines: Iterable[Line]) -> Compatibility:
    """What the rules say."""
    findings = compatibility.check(list(lines))
    return Compatibility(
        compatible=all(finding.severity is not Severity.ERROR for finding in findings),
        compatibility_warnings=[finding.message for finding in findings],
        compatibility_findings=[_finding(finding) for finding in findings],
    )


def _finding(finding: Finding) -> CompatibilityFinding:
    return CompatibilityFinding(finding.code, finding.severity, list(finding.part_ids), finding.message)

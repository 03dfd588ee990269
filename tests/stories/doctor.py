"""What playbooks/doctor.yml tells of a host."""

from __future__ import annotations

import re

from hosts import Host

DOCTOR = "playbooks/doctor.yml"
LINE = re.compile(r"^ *- '?\"?([\w-]+): ([\w' -]+?)'?\"?$", re.MULTILINE)


def told(host: Host, *arguments: str) -> set[tuple[str, str]]:
    """Run the doctor; returns service and name of what it tells, which is one line where nothing is wrong."""
    code, output = host.playbook(*arguments, playbook=DOCTOR)
    assert code == 0, output[-4000:]
    assert "changed=0" in output
    report = output.partition("Tell what is wrong and what to type")[2].partition("PLAY RECAP")[0]
    found = set(LINE.findall(report))
    assert report.count("    seen: ") == report.count("    type: ") == len(found), report
    assert found or "- Nothing wrong was found" in report, report
    print(report)
    return found

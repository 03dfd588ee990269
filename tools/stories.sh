#!/bin/bash
# The stories: tests that stop, fill or wait for something, and so take too long for `make test`. Each scenario's host is made anew,
# the tests of tests/stories/<scenario> run against it, and docs/stories.md says how they ended. Scenarios may be named (default,
# prod, docker, swarm); JIUCOM_STORIES has further arguments for pytest, such as "-k slow_boot".
set -uo pipefail
cd "$(dirname "$0")/.."
export ANSIBLE_HOME=$PWD/.cache/ansible MOLECULE_PROJECT_DIRECTORY=$PWD NO_COLOR=1
export PATH=$PWD/.venv/bin:$PATH
mkdir -p .cache/molecule .cache/stories
tools/hosts.sh && tools/browser.sh || exit

[ $# -gt 0 ] || set -- default prod docker redis replica swarm
failed=0 results=()
for scenario in "$@"; do
    rm -f ".cache/stories/$scenario.xml"
    log=.cache/molecule/stories-$scenario.log
    {
        if [ -d "molecule/$scenario" ]; then
            molecule destroy --scenario-name "$scenario"
            molecule converge --scenario-name "$scenario" && molecule side-effect --scenario-name "$scenario"
        else
            # These need no host.
            pytest -v -s "tests/stories/$scenario" --junitxml=".cache/stories/$scenario.xml"
        fi
    } > "$log" 2>&1 || failed=1
    grep -hE "(PASSED|FAILED|SKIPPED|ERROR) +\[|[0-9]+ (passed|failed)" "$log" | sed 's/^ *-* *//'
    if [ -f ".cache/stories/$scenario.xml" ]; then results+=(".cache/stories/$scenario.xml"); else tail -40 "$log"; fi
    [ ! -d "molecule/$scenario" ] || molecule destroy --scenario-name "$scenario" >> "$log" 2>&1
done
python -m tools.stories "${results[@]}"
exit $failed

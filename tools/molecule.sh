#!/bin/bash
# Every scenario, one after the other, each from an empty host to none: `molecule test --all` ends at the first that fails and
# shares what must not be shared. The names of scenarios may be given; their logs stay in .cache/molecule.
set -uo pipefail
cd "$(dirname "$0")/.."
# Molecule keeps its state by the directory's name: two checkouts of one name would share it.
export ANSIBLE_HOME=$PWD/.cache/ansible
mkdir -p .cache/molecule
passed=0 failed=0
for scenario in ${*:-default docker images gateway}; do
    log=.cache/molecule/$scenario.log
    start=$SECONDS
    if molecule test --scenario-name "$scenario" > "$log" 2>&1; then
        passed=$((passed + 1)) result=passed
    else
        failed=$((failed + 1)) result=FAILED
        grep -E "fatal|FAILED|ERROR|assert|Error" -A12 "$log" | tail -150
        molecule destroy --scenario-name "$scenario" >> "$log" 2>&1
    fi
    grep -hE "(PASSED|FAILED|SKIPPED) +\[|[0-9]+ (passed|failed)" "$log" | sed 's/^ *//' || true
    echo "molecule $scenario: $result in $((SECONDS - start)) s"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

#!/bin/bash
# Every scenario, each from an empty host to none, in two lanes side by side: most of the long one's time is spent waiting for
# what its stories stop. (`molecule test --all` ends at the first that fails and shares what must not be shared.) The names of
# scenarios may be given, which then run one after the other; their logs stay in .cache/molecule.
set -uo pipefail
cd "$(dirname "$0")/.."
# Molecule keeps its state by the directory's name: two checkouts of one name would share it.
export ANSIBLE_HOME=$PWD/.cache/ansible MOLECULE_PROJECT_DIRECTORY=$PWD NO_COLOR=1
mkdir -p .cache/molecule
tools/hosts.sh || exit
tools/browser.sh || exit

lane() {
    local failed=0 scenario log start
    for scenario in "$@"; do
        log=.cache/molecule/$scenario.log
        start=$SECONDS
        if molecule test --scenario-name "$scenario" > "$log" 2>&1; then
            echo "molecule $scenario: passed in $((SECONDS - start)) s"
        else
            failed=1
            echo "molecule $scenario: FAILED in $((SECONDS - start)) s"
            grep -E "fatal|FAILED|ERROR|assert|Error" -A12 "$log" | tail -150
            molecule destroy --scenario-name "$scenario" >> "$log" 2>&1
        fi
        grep -hE "(PASSED|FAILED|SKIPPED) +\[|[0-9]+ (passed|failed)" "$log" | sed 's/^ *//'
    done
    return $failed
}

if [ $# -gt 0 ]; then
    lane "$@"
    exit
fi
inventories=$(printf -- '--inventory=%s ' molecule/*/inventory)
# shellcheck disable=SC2086 # the words are the arguments
ansible-playbook $inventories molecule/shared/parts.yml > .cache/molecule/shared.log 2>&1 || {
    cat .cache/molecule/shared.log
    exit 1
}
lane default & long=$!
lane gateway docker images
short=$?
wait $long && exit $short

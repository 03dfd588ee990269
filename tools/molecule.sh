#!/bin/bash
# Every scenario, each from an empty host to none, two at a time: about half of a scenario's time is spent waiting. A scenario that
# fails does not end the others, as it does in `molecule test --all`. The names of scenarios may be given; logs stay in .cache/molecule.
set -uo pipefail
cd "$(dirname "$0")/.."
# Molecule keeps its state by the directory's name: two checkouts of one name would share it.
export ANSIBLE_HOME=$PWD/.cache/ansible ANSIBLE_CONFIG=$PWD/ansible.cfg MOLECULE_PROJECT_DIRECTORY=$PWD NO_COLOR=1
export PATH=$PWD/.venv/bin:$PATH
mkdir -p .cache/molecule

scenario() {
    local log=.cache/molecule/$1.log start=$SECONDS result=passed
    # A control node may be as strict as a host.
    [ "$1" = prod ] && umask 077
    molecule test --scenario-name "$1" > "$log" 2>&1 || result=FAILED
    echo "molecule $1: $result in $((SECONDS - start)) s"
    grep -hE "(PASSED|FAILED|SKIPPED) +\[|[0-9]+ (passed|failed)" "$log" | sed 's/^ *-* *//'
    [ $result = passed ] && return
    grep -E "fatal|FAILED|ERROR|assert|Error" -A12 "$log" | tail -150
    molecule destroy --scenario-name "$1" >> "$log" 2>&1
    return 1
}
export -f scenario

# The longest first, so that the lanes end together. Several hosts are for stories alone.
[ $# -gt 0 ] || set -- default prod $(ls molecule/*/molecule.yml | cut -d/ -f2 | grep -vxE 'default|prod|swarm')
inventories=$(printf -- '--inventory=molecule/%s/inventory ' "$@")
# The vault of prod's inventory is read with the others.
export ANSIBLE_VAULT_PASSWORD_FILE=$PWD/molecule/prod/vault-password
# shellcheck disable=SC2086 # the words are the arguments
ansible-playbook --inventory=molecule/shared/inventory $inventories molecule/shared/machine.yml > .cache/molecule/machine.log 2>&1 || {
    cat .cache/molecule/machine.log
    exit 1
}
printf '%s\n' "$@" | xargs -P "${LANES:-2}" -I{} bash -c 'scenario {}'

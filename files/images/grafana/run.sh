#!/bin/sh
# Starts Grafana the way the official image does: GF_PATHS_* name its directories, and each GF_X__FILE names a file whose
# contents become GF_X, because Grafana itself reads secrets from the environment or from its configuration only.
set -eu

for variable in $(env | sed -n 's/^\(GF_[A-Z0-9_]*\)__FILE=.*/\1/p'); do
    eval "file=\$${variable}__FILE"
    if [ ! -r "$file" ]; then
        echo "${variable}__FILE: cannot read $file as user $(id -u)" >&2
        exit 1
    fi
    export "$variable=$(cat "$file")"
    unset "${variable}__FILE"
done

exec grafana server \
    --homepath=/usr/share/grafana \
    --config="${GF_PATHS_CONFIG:-/etc/grafana/grafana.ini}" \
    cfg:default.log.mode=console \
    cfg:default.paths.data="${GF_PATHS_DATA:-/var/lib/grafana}" \
    cfg:default.paths.logs="${GF_PATHS_LOGS:-/var/log/grafana}" \
    cfg:default.paths.plugins="${GF_PATHS_PLUGINS:-/var/lib/grafana/plugins}" \
    cfg:default.paths.provisioning="${GF_PATHS_PROVISIONING:-/etc/grafana/provisioning}" \
    "$@"

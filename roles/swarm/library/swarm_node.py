#!/usr/bin/python
"""Make a host a node of the swarm, or label the nodes."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import engine

DOCUMENTATION = r"""
module: swarm_node
short_description: Make a host a node of the swarm, or label the nodes
description:
  - With O(address) the host begins a swarm, or joins the one at O(remote); a host that is in one stays as it is.
  - With O(labels), on a manager, each named node has these labels of O(prefix), and no others of it.
options:
  address: {type: str, description: The host's own address among the nodes.}
  remote: {type: str, default: '', description: Address of a manager to join at; empty begins a swarm.}
  token: {type: str, default: '', description: Its token.}
  cluster: {type: str, default: '', description: Id of the swarm that the host must be in if it is in one.}
  prefix: {type: str, default: '', description: What the platform's labels begin with.}
  labels: {type: dict, default: {}, description: 'Names of labels by the id of the node, a list each.'}
  stay: {type: list, elements: str, default: [], description: 'Labels that never move, for their volumes do not.'}
author: [JIUCOM]
"""
EXAMPLES = "- swarm_node: {address: 10.0.0.11}"
RETURN = r"""
node: {type: str, returned: with an address, description: The node's id.}
cluster: {type: str, returned: on managers, description: The swarm's id.}
tokens: {type: dict, returned: on managers, description: Tokens for managers and workers.}
"""
PORT = 2377


def member(module: AnsibleModule) -> dict[str, Any]:
    """Begin or join a swarm where the host is in none."""
    params, here = module.params, engine.get("/info")["Swarm"]
    changed = here["LocalNodeState"] == "inactive"
    if changed and module.check_mode:
        return {"changed": True, "node": "", "cluster": "", "tokens": {}}
    if changed:
        wanted: dict[str, Any] = {"ListenAddr": f"0.0.0.0:{PORT}", "AdvertiseAddr": params["address"]}
        if params["remote"]:
            wanted |= {"RemoteAddrs": [f"{params['remote']}:{PORT}"], "JoinToken": params["token"]}
        engine.request("POST", f"/swarm/{'join' if params['remote'] else 'init'}", body=wanted)
        here = engine.get("/info")["Swarm"]
    found = {"changed": changed, "node": here["NodeID"], "cluster": "", "tokens": {}}
    if here["ControlAvailable"]:
        swarm = engine.get("/swarm")
        found |= {"cluster": swarm["ID"], "tokens": swarm["JoinTokens"]}
        if params["cluster"] and swarm["ID"] != params["cluster"]:
            module.fail_json(msg="The host is in another swarm: type docker swarm leave --force on it, or take it out")
    return found


def label(module: AnsibleModule) -> dict[str, Any]:
    """Give the nodes their labels."""
    params, changed, nodes = module.params, [], engine.get("/nodes")
    moved = [
        f"{name} has its volume on {node['Description']['Hostname']}, and swarm_placement names another host"
        for node in nodes
        for name in params["stay"]
        if f"{params['prefix']}{name}" in (node["Spec"].get("Labels") or {})
        and any(name in given for id_, given in params["labels"].items() if id_ != node["ID"])
    ]
    if moved:
        module.fail_json(msg="\n".join(moved))
    for node in nodes:
        wanted, spec = params["labels"].get(node["ID"]), node["Spec"]
        if wanted is None:
            continue
        others = {
            key: value for key, value in (spec.get("Labels") or {}).items() if not key.startswith(params["prefix"])
        }
        labels = others | {f"{params['prefix']}{name}": "true" for name in wanted}
        if labels == (spec.get("Labels") or {}):
            continue
        changed.append(node["Description"]["Hostname"])
        if not module.check_mode:
            path = f"/nodes/{node['ID']}/update?version={node['Version']['Index']}"
            engine.request("POST", path, body={**spec, "Labels": labels})
    return {"changed": bool(changed), "nodes": changed}


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "address": {"type": "str"},
            "remote": {"type": "str", "default": ""},
            "token": {"type": "str", "default": "", "no_log": True},
            "cluster": {"type": "str", "default": ""},
            "prefix": {"type": "str", "default": ""},
            "labels": {"type": "dict", "default": {}},
            "stay": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**(member(module) if module.params["address"] else label(module)))
    except engine.EngineError as fault:
        module.fail_json(msg=f"Docker refuses: {fault}")


if __name__ == "__main__":
    main()

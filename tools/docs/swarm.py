"""The table of docs/*/swarm.md: how each Compose key is converted for a stack."""

from __future__ import annotations

from ansible_collections.jiucom.platform.plugins.module_utils import swarm

from tools.docs.data import say
from tools.docs.markdown import code, table


def keys(language: str) -> str:
    """Write the keys that are taken in one row, and of the others what becomes of them."""
    rows = [[", ".join(map(code, swarm.TAKEN)), say("as they are", language)]]
    rows += [[code(key), say(how, language)] for key, how in swarm.CHANGED.items()]
    rows += [[code(key), f"{say('left out', language)}: {say(why, language)}"] for key, why in swarm.LEFT.items()]
    return table(language, ["key of a service", "in the stack"], rows)

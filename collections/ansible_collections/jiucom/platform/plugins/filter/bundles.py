"""Filters that read a bundle for closed networks on the control node, on which filters run."""

from __future__ import annotations

from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils import bundles


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Names under which playbooks find the filters."""
        return {"bundle_faults": bundles.faults}

"""Make secrets in a vault file, on the control node, with the vault password that ansible-playbook was given.

Arguments: `path`, the vault file; `rules`, what each secret's reader demands; and one of
- `fill`: what the inventory gives of each secret; blanks are made, and `published` values. With `users`, the gateway's
  administrators, also theirs.
- `rotate`: the name of one secret, with `present`, its value now; it is made anew.

Decrypted text is never on the disk, and no value is in the result: variables are named alone.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.parsing.vault import VaultLib, is_encrypted, match_encrypt_secret
from ansible.plugins.action import ActionBase
from ansible_collections.jiucom.platform.plugins.module_utils import vaults


class VaultFile:
    """A vault file; one that is not there yet is an empty text."""

    def __init__(self, path: Path, known: list[Any]) -> None:
        if not known:
            raise AnsibleActionFail("Give the vault's password: --ask-vault-pass, or --vault-password-file FILE")
        self.path, self.vault = path.resolve(), VaultLib(known)
        try:
            self.identity, self.secret = match_encrypt_secret(known, constants.DEFAULT_VAULT_ENCRYPT_IDENTITY)
        except AnsibleError as fault:
            raise AnsibleActionFail(f"No password to encrypt {path} with: {fault}") from fault
        self.text, self.encrypted = "", False
        if self.path.is_file():
            self._read()

    def _read(self) -> None:
        content = self.path.read_bytes()
        self.encrypted = is_encrypted(content)
        if self.encrypted:
            try:
                content, identity, self.secret = self.vault.decrypt_and_get_vault_id(content)
            except AnsibleError:
                raise AnsibleActionFail(f"The vault password that was given does not open {self.path}") from None
            self.identity = str(identity)
        self.text = content.decode()

    def write(self, text: str) -> None:
        """Replace the file as a whole, encrypted with the password that opened it."""
        # A file without a name of its own (vault id `default`) has the older header, as ansible-vault writes it.
        identity = None if self.identity == constants.DEFAULT_VAULT_IDENTITY else self.identity
        content = self.vault.encrypt(text, self.secret, vault_id=identity)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        mode = self.path.stat().st_mode & 0o777 if self.encrypted else 0o600
        handle, aside = tempfile.mkstemp(dir=self.path.parent, prefix=".vault.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(aside).chmod(mode)
            Path(aside).replace(self.path)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise


class ActionModule(ActionBase):  # type: ignore[misc]
    """Changes the file, or in check mode tells what would change."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return the variables that were made, and whether the file was in plain text before."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        given = self._task.args
        file = VaultFile(Path(given["path"]), self._loader._vault.secrets)
        try:
            if given.get("rotate"):
                name = given["rotate"]
                rule = given["rules"].get(name, {})
                text, made = vaults.rotate(file.text, name, given["present"], rule)
            else:
                published = given.get("published", [])
                text, made = vaults.fill(file.text, given["fill"], given["rules"], given.get("users"), published)
        except vaults.VaultTextError as fault:
            raise AnsibleActionFail(f"{file.path}: {fault}") from None
        plain = bool(file.text) and not file.encrypted
        if (made or plain) and not self._task.check_mode:
            file.write(text)
        return {**result, "changed": bool(made) or plain, "made": made, "plain": plain, "path": str(file.path)}

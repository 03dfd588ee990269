"""Permissions that tests set on their own directory and on its parents."""

from __future__ import annotations

import stat
from pathlib import Path

from testing.paths import let_pass


def test_a_directory_is_opened_and_one_above_it_that_is_open_stays_as_it_is(tmp_path: Path) -> None:
    own = tmp_path / "tmp/bench"
    own.mkdir(parents=True, mode=0o700)
    own.parent.chmod(0o1777)
    let_pass(own)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (own, own.parent)] == [0o755, 0o1777]

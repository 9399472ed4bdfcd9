"""Guards the state file of a local backend against a full disk, which Pulumi by itself doesn't survive.

When a write fails, its file driver still moves the empty draft over the state (seen with Pulumi 3.259: gocloud's
fileblob renames in `Close` whatever `Write` said), and soon over the `.bak` too. So the state is kept under a second
name before and after each operation, which costs no space, and none is begun on a disk that is nearly full.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from llmstrat_iac.engine.failures import DiskFullError

MINIMUM_FREE_BYTES = 16 * 1024 * 1024
COPIES = 8
"""How often one operation may write the state: the file, its `.bak`, a backup and the history, each with a draft."""


@dataclass(frozen=True)
class StateFile:
    """One stack's state in a local backend, and where it is kept meanwhile."""

    file: Path
    kept: Path

    @classmethod
    def of(cls, state_dir: Path, workspace: Path, project: str, stack: str) -> StateFile:
        file = state_dir / ".pulumi" / "stacks" / project / f"{stack}.json"
        return cls(file, workspace / f".{stack}.state-before")

    def check_space(self, label: str, minimum: int = MINIMUM_FREE_BYTES) -> None:
        """Raise DiskFullError when an operation might not find the room to record what it did."""
        size = self.file.stat().st_size if self.file.exists() else 0
        missing = max(minimum, COPIES * size) - shutil.disk_usage(self.kept.parent).free
        if missing > 0:
            raise DiskFullError(
                f"{label}: the disk is full that holds the state, `{self.file}`",
                remedy=f"free at least {missing / 1e6:.0f} MB there; nothing was begun",
                drafts=(),
            )

    def keep(self) -> None:
        """Remember the state as it is. A damaged one doesn't replace what was kept."""
        if not _is_whole(self.file):
            return
        draft = self.kept.with_name(f"{self.kept.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        draft.hardlink_to(self.file)
        draft.replace(self.kept)

    def restore(self) -> bool:
        """Put the kept state back in place of a damaged one; False when there is no need or no whole copy."""
        if not self.file.exists() or _is_whole(self.file) or not _is_whole(self.kept):
            return False
        draft = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        draft.hardlink_to(self.kept)
        draft.replace(self.file)
        return True

    def forget(self) -> None:
        self.kept.unlink(missing_ok=True)


def _is_whole(file: Path) -> bool:
    try:
        return isinstance(json.loads(file.read_bytes()), dict)
    except (OSError, ValueError):
        return False

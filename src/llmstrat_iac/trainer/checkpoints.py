"""Checkpoints: which are complete, and which is the newest. A complete one has a marker that lists its files.

The trainer writes the marker when all is written; whoever copies a checkpoint copies the marker last. So a checkpoint
cut off by a reclaimed instance, or copied half, is never resumed from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

MARKER = "complete.json"
_NAME = re.compile(r"^checkpoint-(\d+)$")


def step_of(name: str) -> int | None:
    """The step of `checkpoint-STEP`; None for another name."""
    match = _NAME.match(name)
    return int(match[1]) if match else None


def mark_complete(folder: Path) -> None:
    """State the checkpoint's files and sizes; atomic."""
    files = {path.relative_to(folder).as_posix(): path.stat().st_size for path in _files(folder)}
    partial = folder / f".{MARKER}"
    partial.write_text(json.dumps({"step": step_of(folder.name), "files": files}), encoding="utf-8")
    partial.replace(folder / MARKER)


def marked_files(folder: Path) -> dict[str, int] | None:
    """Files and sizes by the marker; None if there is no marker, or a file isn't as it says."""
    try:
        files: dict[str, int] = json.loads((folder / MARKER).read_text(encoding="utf-8"))["files"]
        whole = all((folder / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError, KeyError):
        return None
    return files if whole else None


def newest_complete(root: Path) -> Path | None:
    """The complete checkpoint of the highest step; None if there is none."""
    for step in _descending(path.name for path in root.glob("checkpoint-*")):
        folder = root / f"checkpoint-{step}"
        if marked_files(folder) is not None:
            return folder
    return None


def newest_marked(keys: Iterable[str]) -> int | None:
    """The highest step with a marker among keys such as `checkpoint-50/complete.json`; None if there is none."""
    folders = (key.partition("/")[0] for key in keys if key.partition("/")[2] == MARKER)
    return next(iter(_descending(folders)), None)


def _descending(names: Iterable[str]) -> list[int]:
    return sorted((step for step in map(step_of, names) if step is not None), reverse=True)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name.lstrip(".") != MARKER)

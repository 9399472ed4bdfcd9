"""Distributed checkpoints: which are whole, how each node's part of them gets to S3, and how they come back.

A checkpoint is a folder, usually as torch's distributed checkpointing writes it (`layout`): each rank's shards, and a
file that the first rank writes when all others are done. In S3 it is complete when `complete.json` is there, which
lists files and sizes and is written after everybody's part has arrived as it was sent. A run goes on from the newest
such one on any number of nodes.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..trainer.store import Store
from .layout import Layout

MARKER = "complete.json"
_ROOT, _ANNOUNCED = "checkpoints/", "checkpoints/announced.json"
_STEP = re.compile(r"^step-(\d+)$")
_STREAMS = 8


def step_of(name: str) -> int | None:
    """The step of `step-N`, as it is in S3; None for another name."""
    match = _STEP.match(name)
    return int(match[1]) if match else None


def written_steps(root: Path, layout: Layout) -> list[int]:
    """Steps whose folder is whole, the oldest first."""
    return sorted(step for step, folder in _folders(root, layout) if (folder / layout.complete).exists())


def marked_steps(store: Store) -> list[int]:
    """Steps that are complete in S3, the oldest first."""
    keys = (key.removeprefix(_ROOT).partition("/") for key in store.list(_ROOT))
    return sorted(step for name, _, file in keys if file == MARKER and (step := step_of(name)) is not None)


def newest_step(store: Store, root: Path, layout: Layout, *, shared: bool) -> int | None:
    """From which step a new generation goes on; None from the start."""
    written = written_steps(root, layout) if shared else []
    return max([*written, *marked_steps(store)], default=None)


def prepare(store: Store, root: Path, resume: int | None, *, shared: bool, first: bool, layout: Layout) -> None:
    """Leave nothing to be resumed from but that step, and have it whole: the trainer takes the newest that it finds."""
    root.mkdir(parents=True, exist_ok=True)
    if shared and not first:
        return  # The first node does it, and training starts when it is done.
    written = written_steps(root, layout)
    for step, folder in _folders(root, layout):
        if step != resume and (not shared or step not in written or resume is None or step > resume):
            shutil.rmtree(folder)
    if resume is not None and not (shared and resume in written):
        _fetch(store, resume, root / layout.name(resume), last=layout.complete)
    layout.point(root, resume)


def _fetch(store: Store, step: int, folder: Path, *, last: str) -> None:
    target = f"{_ROOT}step-{step}/"
    files: dict[str, int] = json.loads(store.read(target + MARKER) or "{}").get("files", {})
    missing = [name for name, size in files.items() if _size(folder / name) != size]
    # What says that it is complete comes last: whole or not there.
    for names in ([name for name in missing if name != last], [name for name in missing if name == last]):
        _each(lambda name: store.download(target + name, folder / name), names)


class Sender:
    """One node's part in getting a generation's checkpoints to S3; `look` is called again and again, in a thread."""

    def __init__(
        self,
        store: Store,
        root: Path,
        *,
        layout: Layout,
        generation: int,
        hosts: tuple[str, ...],
        index: int,
        ranks: int,
        keep: int,
    ) -> None:
        self._store = store
        self._root = root
        self._layout = layout
        self._generation = generation
        self._hosts = hosts
        self._index = index
        self._ranks = ranks
        """Processes a node: shards are named by rank, and those of a shared folder are shared out so."""
        self._keep = max(keep, 1)
        self._sent = -1
        self._announced = -1
        self.completed = -1
        """Newest step that is known to be complete in S3; the first node knows first."""
        self._before = frozenset(written_steps(root, layout))

    def look(self) -> None:
        """Announce, send and complete what there is to."""
        if self._index == 0 and self._announced <= self.completed:
            self._announce()
        step = self._told()
        if step is not None and step > self._sent:
            self._send(step)
            self._sent = step
        if self._index == 0 and self._announced > self.completed:
            self._complete(self._announced)
        elif self._index > 0 and self._sent > self.completed:
            self._see(self._sent)

    def _announce(self) -> None:
        written = written_steps(self._root, self._layout)
        new = [step for step in written if step not in self._before and step > self.completed]
        if new:
            self._announced = new[-1]
            self._store.write(_ANNOUNCED, json.dumps({"generation": self._generation, "step": new[-1]}))

    def _told(self) -> int | None:
        said = json.loads(self._store.read(_ANNOUNCED) or "{}")
        return said["step"] if said.get("generation") == self._generation else None

    def _send(self, step: int) -> None:
        folder, target = self._root / self._layout.name(step), f"{_ROOT}step-{step}/"
        files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        mine = {name: path for name, path in files.items() if self._is_mine(name)}
        try:
            sizes = {name: path.stat().st_size for name, path in mine.items()}
            _each(lambda name: self._store.upload(mine[name], target + name), mine)
        except FileNotFoundError:
            sizes = {}  # The trainer keeps the newest few and has removed this one.
        self._store.write(self._part(step, self._hosts[self._index]), json.dumps({"files": sizes}))

    def _is_mine(self, name: str) -> bool:
        return self._layout.rank(name) // self._ranks == self._index

    def _complete(self, step: int) -> None:
        parts = [self._store.read(self._part(step, host)) for host in self._hosts]
        if any(part is None for part in parts):
            return
        files: dict[str, int] = {}
        for part in parts:
            files |= json.loads(part or "{}")["files"]
        target = f"{_ROOT}step-{step}/"
        there = self._store.entries(target)
        arrived = all((entry := there.get(target + name)) and entry.size == size for name, size in files.items())
        if self._layout.complete in files and arrived:
            marker = {"step": step, "nodes": len(self._hosts), "files": files}
            self._store.write(target + MARKER, json.dumps(marker))
            self.completed = step
            self._prune()
        else:
            self.completed = max(self.completed, step)  # It is given up: the next one is announced.

    def _see(self, step: int) -> None:
        if self._store.read(f"{_ROOT}step-{step}/{MARKER}") is not None:
            self.completed = step

    def _prune(self) -> None:
        """Keep the newest ones; of the others remove the marker first, so that none is ever half there."""
        kept = marked_steps(self._store)[-self._keep :]
        old = [key for key in self._store.list(_ROOT) if _is_old(key, kept)]
        self._store.delete(sorted(old, key=lambda key: not key.endswith(f"/{MARKER}")))

    def _part(self, step: int, host: str) -> str:
        return f"{_ROOT}step-{step}/parts/{self._generation}/{host}.json"


def _folders(root: Path, layout: Layout) -> list[tuple[int, Path]]:
    found = [(layout.step(path.name), path) for path in root.iterdir()] if root.exists() else []
    return [(step, path) for step, path in found if step is not None]


def _is_old(key: str, kept: list[int]) -> bool:
    step = step_of(key.removeprefix(_ROOT).partition("/")[0])
    return step is not None and step < kept[-1] and step not in kept


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.exists() else None


def _each(action: Callable[[str], object], names: Iterable[str]) -> None:
    with ThreadPoolExecutor(_STREAMS) as pool:
        for _ in pool.map(action, names):
            pass

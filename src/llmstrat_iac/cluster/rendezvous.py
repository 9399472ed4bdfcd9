"""How nodes find each other where nothing else tells them: by small objects below the job's place in S3.

- `rendezvous/hosts/<host>/<address>/<start>`: a node's sign of life, written again and again with how far it is.
- `rendezvous/leaving/<host>/<address>/<start>`: that it is about to go, and isn't to be counted on.
- `rendezvous/refused/<host>`: that the acceptance gate won't have it, and why.
- `rendezvous/generations/00001.json`: who trains together; written once, by the first that proposes it.
- `rendezvous/generations/00001.ended.json`: that this is over, and why; again the first word counts.

One listing a beat shows all of it, so that requests grow with the nodes and not with their square. No clock is compared
with another's: a node is alive while its object changes.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ..trainer.store import Entry, Store
from .generation import Generation, Member, read_generation

_HOSTS, _LEAVING, _GENERATIONS = "rendezvous/hosts/", "rendezvous/leaving/", "rendezvous/generations/"
_REFUSED = "rendezvous/refused/"
_ENDED = ".ended.json"
_DIGITS = 5
_ASKED_AT_ONCE = 32


@dataclass
class _Sight:
    """What was seen of a node's sign of life, and when by our own clock."""

    version: str
    at: float
    moves: bool = False


@dataclass(frozen=True)
class View:
    """What one look shows."""

    live: tuple[Member, ...]
    generation: Generation | None
    """The newest."""
    ended: bool
    """Whether it is over."""
    refused: frozenset[str] = frozenset()
    """Hosts that the gate won't have; none is among `live`, unless it is this one."""


@dataclass
class Rendezvous:
    """This node's part in it. `progress` says how far it is, for others to read."""

    store: Store
    me: Member
    beat: float
    patience: float
    complain: Callable[[str], None]
    progress: dict[str, Any] = field(default_factory=dict)
    _sights: dict[Member, _Sight] = field(default_factory=dict)
    _generation: Generation | None = None
    _speaker: Member | None = None
    _said_going: bool = False
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Show signs of life from now on."""
        self.show(0)
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def show(self, count: int) -> None:
        """One sign of life; `count` makes it differ from the last."""
        self.store.write(_key(self.me), json.dumps({"beat": count, "progress": self.progress}) + "\n")

    def say_going(self) -> None:
        """Say that the next generation is to be without this node."""
        if not self._said_going:
            self.store.write(_key(self.me, _LEAVING), "{}\n")
            self._said_going = True

    def leave(self) -> None:
        """Show no sign any more: others needn't wait for the patience to be over."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self.store.delete([_key(self.me), *([_key(self.me, _LEAVING)] if self._said_going else ())])

    def look(self) -> View:
        """The nodes alive, and the newest generation."""
        now = time.monotonic()
        entries = self.store.entries("rendezvous/")
        present = {member: entry for key, entry in entries.items() if (member := _member(key)) is not None}
        self._sights = {member: self._sight(member, entry, now) for member, entry in present.items()}
        alive = {member for member, sight in self._sights.items() if sight.moves and self._fresh(sight, now)}
        live = alive - {member for key in entries if (member := _member(key, _LEAVING)) is not None}
        refused = frozenset(key.removeprefix(_REFUSED) for key in entries if key.startswith(_REFUSED))
        live = {member for member in live if member.host not in refused}
        number = max((_number(key) for key in entries if key.startswith(_GENERATIONS)), default=0)
        return View(
            tuple({self.me, *live}),
            self._read(number),
            f"{_GENERATIONS}{number:0{_DIGITS}}{_ENDED}" in entries,
            refused,
        )

    def lost(self, generation: Generation) -> list[str]:
        """Hosts of it that have shown no sign of life for too long, or have left."""
        now = time.monotonic()
        return [
            member.host
            for member in generation.members
            if member != self.me and not (member in self._sights and self._fresh(self._sights[member], now))
        ]

    def progress_of(self, generation: Generation) -> list[dict[str, Any]]:
        """What is known of how far it is. One node tells, usually the first: only until it is found all are asked."""
        if "step" in self.progress:
            return [self.progress]
        others = [member for member in generation.members if member != self.me]
        if self._speaker in others:
            others = [self._speaker]
        with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
            told = dict(zip(others, pool.map(self._progress, others), strict=True))
        self._speaker = next((member for member, progress in told.items() if "step" in progress), None)
        return [*told.values()]

    def _progress(self, member: Member) -> dict[str, Any]:
        progress: dict[str, Any] = json.loads(self.store.read(_key(member)) or "{}").get("progress", {})
        return progress

    def propose(self, members: tuple[Member, ...], resume: int | None, after: Generation | None) -> bool:
        """Whether these are the next generation now; False if somebody else's proposal was earlier."""
        generation = Generation(1 if after is None else after.number + 1, members, resume)
        return self.store.create(f"{_GENERATIONS}{generation.number:0{_DIGITS}}.json", generation.to_json())

    def end(self, generation: Generation, reason: str) -> bool:
        """Say that this generation is over; False if somebody has said so before."""
        text = json.dumps({"host": self.me.host, "reason": reason}) + "\n"
        return self.store.create(f"{_GENERATIONS}{generation.number:0{_DIGITS}}{_ENDED}", text)

    def refuse(self, host: str, reason: str) -> None:
        """Say that no generation is to have this host any more."""
        self.store.create(f"{_REFUSED}{host}", reason)

    def why_refused(self, host: str) -> str:
        """The reason given."""
        return self.store.read(f"{_REFUSED}{host}") or ""

    def why_ended(self, generation: Generation) -> tuple[str, str]:
        """Host and reason."""
        said = json.loads(self.store.read(f"{_GENERATIONS}{generation.number:0{_DIGITS}}{_ENDED}") or "{}")
        return said.get("host", ""), said.get("reason", "")

    def _live(self) -> None:
        count = 0
        while not self._stopping.wait(self.beat):
            count += 1
            try:
                self.show(count)
            except Exception as error:
                self.complain(f"S3 doesn't answer: {type(error).__name__}: {error}")

    def _sight(self, member: Member, entry: Entry, now: float) -> _Sight:
        before = self._sights.get(member)
        if before is None:
            # It may be the last sign of a node that is long gone: it counts as alive when it changes.
            return _Sight(entry.version, now)
        return before if before.version == entry.version else _Sight(entry.version, now, moves=True)

    def _fresh(self, sight: _Sight, now: float) -> bool:
        return now - sight.at <= self.patience

    def _read(self, number: int) -> Generation | None:
        if number and (self._generation is None or self._generation.number != number):
            text = self.store.read(f"{_GENERATIONS}{number:0{_DIGITS}}.json")
            self._generation = read_generation(text) if text else None
        return self._generation


def _key(member: Member, folder: str = _HOSTS) -> str:
    return f"{folder}{member.host}/{member.address}/{member.start}"


def _member(key: str, folder: str = _HOSTS) -> Member | None:
    parts = key.removeprefix(folder).split("/")
    return Member(*parts) if key.startswith(folder) and len(parts) == len(("host", "address", "start")) else None


def _number(key: str) -> int:
    digits = key.removeprefix(_GENERATIONS)[:_DIGITS]
    return int(digits) if digits.isdigit() else 0

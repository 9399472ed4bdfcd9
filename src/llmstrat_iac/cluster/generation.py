"""Which nodes train together. A set that has been agreed on is a generation; when it loses a node, another follows.

Ranks follow the members' order, and torchrun's c10d rendezvous sorts nodes by their addresses as text
(torch 2.13, `dynamic_rendezvous.py`: participants are `_NodeDesc`, ordered by `addr`), so members are sorted so, too.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Member:
    """One start of the launcher on one node."""

    host: str
    address: str
    start: str
    """Differs for each start: a node that was rebooted is another member."""


@dataclass(frozen=True)
class Generation:
    """Nodes that train together, and from which step."""

    number: int
    members: tuple[Member, ...]
    resume: int | None
    """Step of the checkpoint with which all of them begin; None: from the start."""

    @property
    def first(self) -> Member:
        """Has rank 0, torchrun's rendezvous, and the word to the outside."""
        return self.members[0]

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names in the order of the ranks."""
        return tuple(member.host for member in self.members)

    def to_json(self) -> str:
        """As its object has it."""
        return json.dumps(asdict(self), indent=2) + "\n"


def read_generation(text: str) -> Generation:
    """The inverse of `to_json`."""
    content = json.loads(text)
    return Generation(content["number"], tuple(Member(**member) for member in content["members"]), content["resume"])


def by_name(members: Collection[Member]) -> list[Member]:
    """`algo-2` before `algo-10`; who comes first proposes."""
    return sorted(members, key=lambda member: (len(member.host), member.host, member.start))


def choose(
    live: Collection[Member], allowed: Sequence[int], *, keep: Collection[str] = (), wait: bool
) -> tuple[Member, ...] | None:
    """The members of a new generation, those of `keep` before others; None to wait on.

    `allowed` are the numbers of nodes with which the run can go on, the planned one first. With `wait` only that will
    do; else as many as there are.
    """
    possible = [count for count in (allowed[:1] if wait else allowed) if count <= len(live)]
    if not possible:
        return None
    preferred = sorted(by_name(live), key=lambda member: member.host not in keep)
    return tuple(sorted(preferred[: max(possible)], key=lambda member: member.address))

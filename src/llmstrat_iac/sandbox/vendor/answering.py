"""One answer on its way, whatever the wire format: its pieces, its usage and why it ended, with faults on demand.

A fault is asked for by the header `x-llmstrat-fault` or by a model name that ends in `:fault-NAME`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request

from llmstrat_iac.sandbox.vendor.generator import Generator, Message

DEFAULT_MOST_TOKENS = 1024
FAULT_HEADER = "x-llmstrat-fault"
FAULTS = ("500", "429", "slow", "hang", "drop")
_FAULT_SUFFIX = ":fault-"
_SLOW_SECONDS = 0.05
_HANG_SECONDS = 3600.0
_PIECES_BEFORE_DROP = 2


class DroppedError(Exception):
    """The vendor hangs up in the middle, as asked."""


@dataclass
class Answer:
    """The generator's answer to one conversation; usage is known once `pieces` has ended."""

    generator: Generator
    messages: Sequence[Message]
    most_tokens: int
    fault: str | None = None
    _made: list[str] = field(default_factory=list)

    async def pieces(self) -> AsyncIterator[str]:
        """The text as it is made."""
        if self.fault == "hang":
            await asyncio.sleep(_HANG_SECONDS)
        made = self.generator.generate(self.messages, most_tokens=self.most_tokens)
        source = iterate_in_threadpool(made) if self.generator.blocking else _in_turn(made)
        async for piece in source:
            if self.fault == "slow":
                await asyncio.sleep(_SLOW_SECONDS)
            if self.fault == "drop" and len(self._made) >= _PIECES_BEFORE_DROP:
                raise DroppedError
            self._made.append(piece)
            yield piece

    async def whole(self) -> str:
        """The whole text."""
        return "".join([piece async for piece in self.pieces()])

    @property
    def text(self) -> str:
        """What has been made so far."""
        return "".join(self._made)

    @property
    def prompt_tokens(self) -> int:
        """Tokens of the question."""
        return self.generator.prompt_tokens(self.messages)

    @property
    def completion_tokens(self) -> int:
        """Tokens of the answer so far."""
        return self.generator.count(self.text)

    @property
    def ended_by(self) -> Literal["stop", "length"]:
        """Whether the model had finished or was cut off."""
        return "length" if self.completion_tokens >= self.most_tokens else "stop"


def wanted_fault(request: Request, model: str) -> str | None:
    """The fault that a request asks for, if any."""
    named = request.headers.get(FAULT_HEADER) or model.rpartition(_FAULT_SUFFIX)[2]
    return named if named in FAULTS else None


async def _in_turn(made: Iterator[str]) -> AsyncIterator[str]:
    """Let other requests run between pieces that cost nothing to make."""
    for piece in made:
        yield piece
        await asyncio.sleep(0)

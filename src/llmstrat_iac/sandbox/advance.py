"""Moves a running sandbox's clock forward, and tells what its emulator has acted out on the way."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from llmstrat_iac.errors import SandboxError
from llmstrat_iac.sandbox.listener import LOOPBACK

_PATH = "/_llmstrat/clock"
# Calls that fail are tried again for some seconds each.
_MOST_SECONDS = 600.0


@dataclass(frozen=True)
class Firing:
    """A schedule or scheduled action that fell due, what it called, and why that failed if it did."""

    moment: datetime
    kind: str
    name: str
    call: str
    attempts: int
    failure: str | None


@dataclass(frozen=True)
class Advance:
    """The clock after a move, and what has fired since the last one."""

    now: datetime
    ahead: timedelta
    fired: tuple[Firing, ...]


def move_clock(port: int, by: timedelta) -> Advance:
    """Ask the emulator on a loopback port; SandboxError if it doesn't answer."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_MOST_SECONDS)
    try:
        connection.request("POST", _PATH, json.dumps({"seconds": by.total_seconds()}))
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise SandboxError(
            f"the sandbox's clock can't be moved: {error}", remedy="look at its emulator's log"
        ) from error
    finally:
        connection.close()
    if answer.status != 200:
        raise SandboxError(
            f"the sandbox's clock can't be moved: {content.decode(errors='replace')[:200]}",
            remedy="look at its emulator's log",
        )
    told = json.loads(content)
    fired = tuple(Firing(**{**each, "moment": datetime.fromisoformat(each["moment"])}) for each in told["fired"])
    return Advance(datetime.fromisoformat(told["now"]), timedelta(seconds=told["ahead_seconds"]), fired)

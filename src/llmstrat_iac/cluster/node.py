"""What every step of a node's work needs: its job, its places, the store, the log, and the trainer's process."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from ..trainer.logs import Log
from ..trainer.process import Child
from ..trainer.store import Store, open_store
from .earlier import checkpoint_store
from .generation import Generation, Member
from .identity import Identity, find_identity
from .layout import Layout
from .places import Places, Settings, code_folder, find_places, read_settings
from .rendezvous import Rendezvous
from .torchrun import network_environment, torchrun_command

STATUS, GATE = "status.json", "gate.json"
_SECRETS = ("HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_T = TypeVar("_T")


class JobFailed(Exception):
    """The job can't go on; the message is what people read."""


class NodeRefused(Exception):
    """The gate won't have this node, and others go on without it; the message is what people read."""


@dataclass
class Node:
    """One start of the launcher on one node."""

    environ: dict[str, str]
    job: dict[str, Any]
    places: Places
    settings: Settings
    identity: Identity
    store: Store
    log: Log
    child: Child
    me: Member
    rendezvous: Rendezvous
    leaving: bool = field(default=False)
    """Whether it was told to go, by SIGTERM or by EC2."""

    def leave(self) -> None:
        """Save and go: the others go on without this node."""
        self.leaving = True
        self.child.stop()

    @cached_property
    def layout(self) -> Layout:
        """Of the trainer's checkpoints."""
        return Layout(**self.job["checkpoints"])

    @property
    def gate_only(self) -> bool:
        """Whether the job is the acceptance gate alone, and trains nothing."""
        return bool(self.job.get("gate_only"))

    @property
    def checkpoint_store(self) -> Store:
        """Where complete checkpoints come from: an earlier attempt's place until this one has some."""
        return checkpoint_store(self.store, self.places.job_uri, open_store)

    def torchrun(self, generation: Generation, program: list[str], *, name: str, offset: int = 0) -> list[str]:
        """The command that starts a program on all of this node's processes."""
        arguments = torchrun_command(
            generation,
            self.me,
            program,
            processes=self.job["processes"],
            port=self.settings.port + offset,
            job=f"{self.job['key']}-{name}",
        )
        return [self.settings.python, *arguments]

    def environment(self) -> dict[str, str]:
        """Of what runs in the trainer's Python."""
        places, known = self.places, self.environ
        return {
            "OMP_NUM_THREADS": "1",
            "TOKENIZERS_PARALLELISM": "false",
            "HF_HOME": str(places.scratch / "hub"),
            **known,
            **network_environment(self.identity.interface, cpu=self.settings.cpu, given=known),
            "PYTHONPATH": ":".join(filter(None, [str(places.code), known.get("PYTHONPATH")])),
            "PYTHONUNBUFFERED": "1",
            "LLMSTRAT_JOB": str(places.code / "job.json"),
            "LLMSTRAT_CHECKPOINTS": str(places.checkpoints),
            "LLMSTRAT_SCRATCH": str(places.scratch),
            "LLMSTRAT_TOKENIZER": str(places.tokenizer),
            "LLMSTRAT_CORPUS": str(places.corpus or places.scratch / "corpus"),
        }

    def carefully(self, action: Callable[[], _T]) -> _T | None:
        """Do it; None if S3 is away for a moment, which must not end a training of days. JobFailed is no such error."""
        try:
            return action()
        except (JobFailed, NodeRefused):
            raise
        except Exception as error:
            self.log.line(f"launch: S3 doesn't answer: {type(error).__name__}: {error}")
            return None


def this_node(environ: Mapping[str, str]) -> Node:
    """This node, by its environment and the job that lies beside the launcher."""
    job = json.loads((code_folder() / "job.json").read_text(encoding="utf-8"))
    places, settings = find_places(environ, job["key"]), read_settings(environ)
    for folder in (places.checkpoints, places.scratch):
        folder.mkdir(parents=True, exist_ok=True)
    log = Log(places.scratch / "log.txt", [environ.get(name, "") for name in _SECRETS])
    identity, store = find_identity(environ), open_store(places.job_uri)
    me = Member(identity.host, identity.address, uuid.uuid4().hex[:12])
    rendezvous = Rendezvous(
        store, me, settings.beat, settings.patience, complain=lambda text: log.line(f"launch: {text}")
    )
    child = Child(log, poll_seconds=settings.poll, stop_seconds=settings.stop)
    return Node(dict(environ), job, places, settings, identity, store, log, child, me, rendezvous)

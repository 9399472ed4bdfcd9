"""One node's part in one generation: the acceptance gate, then the trainer, watched until one of them ends."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..trainer.process import exit_words
from ..trainer.progress import Events, now
from ..trainer.spot import interruption_announced
from .checkpoints import Sender, prepare
from .gate import judge, reason, replaceable
from .generation import Generation
from .node import GATE, STATUS, JobFailed, Node
from .progress import ClusterStatus, LoggedSteps, advanced, resumed
from .torchrun import program

ENDED, COMPLETED, STOPPED = "ended", "completed", "stopped"
"""The generation is over; all steps are done; the trainer has saved and ended because a node goes."""


class Part:
    """This node in this generation."""

    def __init__(self, node: Node, generation: Generation) -> None:
        self._node = node
        self._generation = generation
        self.first = generation.first == node.me
        self._over = False
        self._looked = 0.0
        self._moved = time.monotonic()
        self._heard: dict[str, int] = {}
        """Events that have come, and at which step."""
        self._sources: list[Events | LoggedSteps] = []
        """Where the trainer says how far it is."""
        text = node.store.read(STATUS)
        self.status: ClusterStatus = resumed(
            text, nodes=len(generation.members), total=node.job["steps"], attempt=generation.number
        )
        self._sender: Sender | None = None
        self._grown = -1

    # The gate

    def accept(self) -> bool:
        """Whether this set of nodes is good enough; False if the generation is over first. JobFailed if it isn't."""
        passed = json.loads(self._node.store.read(GATE) or "{}")
        known = {each["host"] for each in passed.get("nodes", ())} if passed.get("passed") else set()
        if known.issuperset(self._generation.hosts):
            return True
        path, logs = self._node.places.scratch / "accept.json", self._node.places.scratch / "nccl"
        path.unlink(missing_ok=True)
        logs.mkdir(exist_ok=True)
        for old in logs.iterdir():
            old.unlink()
        environ = {
            **self._node.environment(),
            "NCCL_DEBUG": "INFO",
            "NCCL_DEBUG_SUBSYS": "INIT,NET",
            "NCCL_DEBUG_FILE": str(logs / "nccl.%h.%p"),
            "LLMSTRAT_RESULT": str(path),
            "LLMSTRAT_FLOOR": str(self._node.job["gate"]["nodes_gb_s"] or 0),
        }
        gate = ["-m", f"{__package__}.accept"]
        began = time.monotonic()
        command = self._node.torchrun(self._generation, gate, name="gate", offset=500)
        code = self._node.child.run(command, self._node.places.code, environ, lambda: self._watch_gate(began))
        if self._over or self._node.leaving or (code != 0 and self._lost_after_all()):
            return False
        if self.first:
            self._publish_gate(path, code)
        return self._heed_gate()

    def _watch_gate(self, began: float) -> None:
        self._look()
        if time.monotonic() - began > self._node.settings.gate:
            self._node.log.line("launch: the acceptance gate takes too long")
            self._node.child.kill()

    def _publish_gate(self, path: Path, code: int) -> None:
        node, hosts = self._node, self._generation.hosts
        if code == 0:
            measured = json.loads(path.read_text(encoding="utf-8"))
            result = judge(measured, node.job["gate"], hosts, cpu=node.settings.cpu)
            result["replaced"] = self._replace(result)
        else:
            failure = f"the measurement ended with {exit_words(code)}: {node.log.masked(node.log.reason())}"
            alone: dict[str, Any] = {"gpus": None, "efa": None, "failures": []}
            nodes = [{"host": host, **alone} for host in hosts]
            result = {"passed": False, "nodes": nodes, "failures": [failure], "all_reduce_gb_s": None}
            result |= {"floor_gb_s": node.job["gate"]["nodes_gb_s"], "read_gb_s": None}
        text = json.dumps({**result, "generation": self._generation.number, "at": now()}, indent=2) + "\n"
        node.store.write(GATE, text)

    def _replace(self, result: dict[str, Any]) -> list[str]:
        """Hosts that spare nodes take the place of; none where there are too few, or the test is all there is to do."""
        node, bad = self._node, replaceable(result)
        spare = {member.host for member in node.rendezvous.look().live} - set(self._generation.hosts)
        if result["passed"] or node.gate_only or len(bad) > len(spare):
            return []
        for host, words in bad.items():
            node.rendezvous.refuse(host, words)
        return list(bad)

    def _heed_gate(self) -> bool:
        deadline = time.monotonic() + self._node.settings.gate
        while time.monotonic() < deadline and not self._node.leaving:
            result = json.loads(self._node.store.read(GATE) or "{}")
            if result.get("generation") == self._generation.number:
                if result.get("replaced"):
                    without = f"the gate refuses {reason(result)}; spare nodes step in"
                    self._node.rendezvous.end(self._generation, without)
                    self._finish_early(without)
                    return False
                if not result["passed"]:
                    raise JobFailed(f"the cluster isn't accepted: {reason(result)}")
                return True
            self._look()
            if self._over:
                break
            time.sleep(self._node.settings.poll)
        return False

    # The trainer

    def train(self) -> str:
        """ENDED, COMPLETED or STOPPED. JobFailed if nothing moved for too long."""
        node = self._node
        places = node.places
        resume = self._generation.resume
        prepare(
            node.checkpoint_store,
            places.checkpoints,
            resume,
            shared=places.shared,
            first=self.first,
            layout=node.layout,
        )
        sender = self._sender = self._new_sender()
        events = places.scratch / "events.jsonl"
        events.unlink(missing_ok=True)
        self._sources = [Events(events)]
        if node.job["progress"]:
            self._sources.append(LoggedSteps(node.log.path, node.job["progress"]))
        if self.first:
            self.publish()
        start = "the start" if resume is None else f"step {resume}"
        hosts = len(self._generation.members)
        node.log.line(f"launch: generation {self._generation.number} of {hosts} nodes goes on from {start}")
        command = node.torchrun(self._generation, program(node.job["trainer"]), name="train")
        self._moved = time.monotonic()
        node.rendezvous.progress = {}
        stopping = threading.Event()
        thread = threading.Thread(target=self._send, args=(sender, stopping), daemon=True)
        thread.start()
        environ = {**node.environment(), "LLMSTRAT_EVENTS": str(events)}
        code = node.child.run(command, places.code, environ, self._watch)
        self._follow()
        stopping.set()
        thread.join()
        return self._outcome(code, sender)

    def _outcome(self, code: int, sender: Sender) -> str:
        if self._over:
            return ENDED
        # All ranks have said so together: what torchrun makes of the order in which its agents leave doesn't count.
        if code == 0 or not self._heard.keys().isdisjoint({"end", "stopped"}):
            outcome = STOPPED if "stopped" in self._heard else COMPLETED
            self._flush(sender, self._heard.get("stopped", self._node.job["steps"]))
            return outcome
        if not self._node.leaving and not self._lost_after_all():
            words = self._node.log.masked(f"the trainer ended with {exit_words(code)}\n{self._node.log.reason()}")
            self._node.rendezvous.end(self._generation, words)
        return ENDED

    def _lost_after_all(self) -> bool:
        """Whether a node was lost, which others notice by their trainers' errors first. Ends the generation then."""
        deadline = time.monotonic() + self._node.settings.patience + 2 * self._node.settings.beat
        while time.monotonic() < deadline and not self._node.leaving:
            self._look()
            if self._over:
                return True
            time.sleep(self._node.settings.poll)
        return False

    # Watching

    def _watch(self) -> None:
        self._follow()
        self._look()
        node = self._node
        if node.settings.spot and not node.leaving and interruption_announced():
            node.log.line("launch: the spot instance is about to be reclaimed")
            node.leave()
        idle = node.settings.idle or 60 * node.job["idle_minutes"]
        if self.first and time.monotonic() - self._moved > idle:
            node.child.kill()
            raise JobFailed(f"no step for {idle / 60:.3g} minutes: stopped before it costs more")

    def _follow(self) -> None:
        for event in (event for source in self._sources for event in source.read()):
            self._heard[event["event"]] = event["step"]
            if event["event"] == "step":
                self._node.rendezvous.progress = {name: event[name] for name in event if name != "event"}

    def _look(self) -> None:
        """Once a beat: what the others do."""
        if time.monotonic() - self._looked < self._node.settings.beat or self._over:
            return
        self._looked = time.monotonic()
        self._node.carefully(self._consider)

    def _consider(self) -> None:
        rendezvous, generation = self._node.rendezvous, self._generation
        view = rendezvous.look()
        if view.generation != generation or view.ended:
            self._finish_early("another node has ended it")
        elif self._done():
            return  # Nodes that have nothing to do any more leave one after the other.
        elif lost := rendezvous.lost(generation):
            rendezvous.end(generation, f"lost {', '.join(lost)}")
            self._finish_early(f"lost {', '.join(lost)}")
        elif self.first:
            self._tell()
            if self._could_grow(len(view.live)):
                rendezvous.end(generation, "more nodes have come")
                self._finish_early("more nodes have come")

    def _done(self) -> bool:
        """Whether all steps are done, by this node's trainer or by the last checkpoint."""
        sent = -1 if self._sender is None else self._sender.completed
        return "end" in self._heard or sent >= int(self._node.job["steps"])

    def _finish_early(self, words: str) -> None:
        self._over = True
        self._node.log.line(f"launch: generation {self._generation.number} is over: {words}")
        self._node.child.kill()

    def _could_grow(self, live: int) -> bool:
        """Whether a checkpoint has just become complete, so that little is lost, and there are nodes to be more."""
        newest = -1 if self._sender is None else self._sender.completed
        fresh, self._grown = newest > self._grown, newest
        now_used = len(self._generation.members)
        return fresh and newest >= 0 and any(now_used < count <= live for count in self._node.job["allowed_nodes"])

    def _tell(self) -> None:
        news = advanced(self.status, self._node.rendezvous.progress_of(self._generation))
        if news is not self.status:
            self._moved = time.monotonic()
            self.status = news
            self.publish()

    def publish(self) -> None:
        """Write `status.json`."""
        text = self.status.to_json()
        self._node.carefully(lambda: self._node.store.write(STATUS, text))

    # Checkpoints

    def _new_sender(self) -> Sender:
        node, generation = self._node, self._generation
        return Sender(
            node.store,
            node.places.checkpoints,
            layout=node.layout,
            generation=generation.number,
            hosts=generation.hosts,
            index=generation.members.index(node.me),
            ranks=node.job["processes"],
            keep=node.job["keep"],
        )

    def _send(self, sender: Sender, stopping: threading.Event) -> None:
        while not stopping.wait(self._node.settings.beat):
            self._node.carefully(lambda: self._look_after(sender))

    def _look_after(self, sender: Sender) -> None:
        if self._node.leaving:
            # Before its part is sent: when all parts are there, the others agree on the next generation.
            self._node.rendezvous.say_going()
        sender.look()

    def _flush(self, sender: Sender, step: int) -> None:
        """Wait until what was written last is complete in S3; a node that is being reclaimed has little time for it."""
        limit = self._node.settings.stop if self._node.leaving else self._node.settings.start
        deadline = time.monotonic() + limit
        while sender.completed < step and time.monotonic() < deadline:
            self._node.carefully(lambda: self._look_after(sender))
            if sender.completed < step:
                time.sleep(self._node.settings.poll)

    def completed(self) -> ClusterStatus:
        """The status of a finished job."""
        self._tell()
        done = {"state": "completed", "step": self.status.total_steps, "finished": now(), "updated": now()}
        return replace(self.status, **done)  # type: ignore[arg-type]

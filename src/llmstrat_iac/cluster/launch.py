"""Runs one node's part of a training job, from wherever the job stands: join, pass the gate, train, and again.

The same on SageMaker, EC2 and Slurm. Nodes agree on a generation, train as one until a node is lost, leaves or comes,
and then agree on the next, which goes on from the newest complete checkpoint. A trainer that fails without getting any
further is a failure of the job: whoever set it up has to repair something.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import replace

from ..trainer.progress import now
from ..trainer.store import download_all, open_store
from . import EXIT_COMPLETED, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_REFUSED
from .checkpoints import newest_step
from .finish import export_model
from .generation import Generation, Member, by_name, choose
from .node import GATE, STATUS, JobFailed, Node, NodeRefused, this_node
from .part import COMPLETED, ENDED, STOPPED, Part
from .progress import accepted, resumed

_STRIKES = 3
"""Failures of the trainer from the same step, after which it isn't started again."""


class Interrupted(Exception):
    """This node goes; the job doesn't end with it."""


class Launcher:
    """One start of a job on one node."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._node: Node = this_node(environ)
        self._last: Generation | None = None
        self._strikes: list[int | None] = []

    def run(self) -> int:
        """Everything; the exit code."""
        node = self._node
        signal.signal(signal.SIGTERM, lambda *_: node.leave())
        try:
            self._get_ready()
            node.rendezvous.start()
            return self._work()
        except Interrupted as error:
            node.log.line(f"launch: {node.me.host} leaves: {error}")
            return EXIT_INTERRUPTED
        except NodeRefused as error:
            node.log.line(f"launch: the gate refuses {node.me.host}: {error}")
            return EXIT_REFUSED
        except JobFailed as error:
            return self._fail(str(error))
        except Exception:
            for line in traceback.format_exc().splitlines():
                node.log.line(line)
            return self._fail(node.log.reason())
        finally:
            node.carefully(node.rendezvous.leave)

    # Preparing

    def _get_ready(self) -> None:
        """What this node needs whoever the others are."""
        node, places = self._node, self._node.places
        packages = places.code / "requirements.txt"
        if node.settings.install and packages.exists():
            pip = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps"]
            requirements = ["--require-hashes", "-r", str(packages)]
            self._must([*pip, *requirements], "the trainer's packages can't be installed")
        if node.gate_only:
            return
        self._fetch_tokenizer()
        if places.corpus is None and not (places.scratch / "corpus").exists():
            source = node.job["corpus"]["source"]
            node.log.line(f"launch: copying the corpus from {source}")
            download_all(open_store(source), "", places.scratch / "corpus")

    def _fetch_tokenizer(self) -> None:
        source, folder = self._node.job["tokenizer"], self._node.places.tokenizer
        if source is None or (folder / "tokenizer.json").exists():
            return
        if "://" in source["source"]:
            download_all(open_store(source["source"]), "", folder)
            return
        self._give_token()
        module = f"{__package__}.assets"
        command = ["-m", module, source["source"], source["revision"] or "", str(folder)]
        self._must(command, f"the tokenizer {source['source']} can't be fetched")

    def _give_token(self) -> None:
        node = self._node
        if node.settings.token_secret is not None:
            import boto3

            answer = boto3.client("secretsmanager").get_secret_value(SecretId=node.settings.token_secret)
            node.log.hide(answer["SecretString"])
            node.environ["HF_TOKEN"] = answer["SecretString"]

    def _must(self, arguments: list[str], words: str) -> None:
        node = self._node
        if node.child.run([node.settings.python, *arguments], node.places.code, node.environment()) != 0:
            raise JobFailed(f"{words}:\n{node.log.reason()}")

    # Working

    def _work(self) -> int:
        while True:
            generation = self._join()
            if generation is None:
                return self._over()
            part = Part(self._node, generation)
            self._last = generation
            outcome = ENDED
            if part.accept():
                if self._node.gate_only:
                    return self._accepted(part)
                outcome = part.train()
            if outcome == COMPLETED:
                return self._complete(part)
            if self._node.leaving:
                raise Interrupted("it was told to go")
            if outcome == STOPPED:
                self._node.rendezvous.end(generation, "a node goes; all have saved")
            self._count_strikes(generation)

    def _join(self) -> Generation | None:
        """The next generation that this node is in; None if the job is over. Waits, and proposes if it is its turn."""
        node, began = self._node, time.monotonic()
        while not node.leaving:
            if self._state() in {"completed", "failed"}:
                return None
            generation = node.carefully(lambda: self._look(began))
            if generation is not None:
                return generation
            time.sleep(node.settings.beat / 2)
        raise Interrupted("it was told to go")

    def _look(self, began: float) -> Generation | None:
        rendezvous = self._node.rendezvous
        view = rendezvous.look()
        newest = view.generation
        if self._node.me.host in view.refused:
            raise NodeRefused(rendezvous.why_refused(self._node.me.host))
        if newest is None or view.ended:
            if by_name(view.live)[0] == self._node.me:
                self._propose(newest, view.live, time.monotonic() - began)
            return None
        if self._node.me in newest.members:
            if newest == self._last:
                rendezvous.end(newest, "a node has ended it")
                return None
            return newest
        if lost := rendezvous.lost(newest):
            rendezvous.end(newest, f"lost {', '.join(lost)}")
        return None

    def _propose(self, newest: Generation | None, live: tuple[Member, ...], waited: float) -> None:
        node, places = self._node, self._node.places
        patience = node.settings.start if newest is None else node.settings.settle
        keep = newest.hosts if newest is not None else ()
        members = choose(live, node.job["allowed_nodes"], keep=keep, wait=waited < patience)
        if members is None:
            # A gate has no work that would be worth a longer wait.
            idle = 0.0 if node.gate_only else node.settings.idle or 60 * node.job["idle_minutes"]
            if waited > patience + idle:
                least = min(node.job["allowed_nodes"])
                came = f"only {len(live)} nodes" if len(live) > 1 else "only 1 node"
                raise JobFailed(f"{came} came, and the run needs {least} at least")
            return
        if newest is not None and newest.number >= node.job["generations"]:
            raise JobFailed(f"started {newest.number} times: not again")
        resume = newest_step(node.checkpoint_store, places.checkpoints, node.layout, shared=places.shared)
        node.rendezvous.propose(members, resume, newest)

    def _count_strikes(self, generation: Generation) -> None:
        """JobFailed if the trainer has failed again and again from the same step."""
        host, reason = self._node.rendezvous.why_ended(generation)
        if not reason.startswith("the trainer"):
            return
        self._node.log.line(f"launch: on {host} {reason.partition(chr(10))[0]}")
        self._strikes.append(generation.resume)
        if self._strikes[-_STRIKES:].count(generation.resume) >= _STRIKES:
            raise JobFailed(f"{reason}\n(on {host}, {_STRIKES} times from the same step)")

    # Ending

    def _complete(self, part: Part) -> int:
        if part.first:
            status = part.completed()
            export_model(self._node, status)
            part.status = replace(status, finished=now(), updated=now())
            part.publish()
            self._node.log.line(f"launch: completed after {status.step} steps")
        return EXIT_COMPLETED

    def _accepted(self, part: Part) -> int:
        if part.first:
            part.status = accepted(part.status, json.loads(self._node.store.read(GATE) or "{}"))
            part.publish()
            self._node.log.line("launch: the cluster is accepted; nothing was to be trained")
        return EXIT_COMPLETED

    def _over(self) -> int:
        state = self._state()
        self._node.log.line(f"launch: the job is {state}")
        return EXIT_COMPLETED if state == "completed" else EXIT_FAILED

    def _state(self) -> str:
        text = self._node.carefully(lambda: self._node.store.read(STATUS))
        state: str = json.loads(text).get("state", "") if text else ""
        return state

    def _fail(self, reason: str) -> int:
        node = self._node
        reason = node.log.masked(reason)
        node.log.line(f"launch: failed: {reason}")
        if node.places.failure is not None:
            node.places.failure.parent.mkdir(parents=True, exist_ok=True)
            node.places.failure.write_text(reason, encoding="utf-8")
        node.carefully(lambda: self._publish_failure(reason))
        return EXIT_FAILED

    def _publish_failure(self, reason: str) -> None:
        """The job's failure, not only this node's: unless the others are at work without it."""
        node = self._node
        view = node.rendezvous.look()
        if self._last is None and view.generation is not None:
            return
        text = node.store.read(STATUS)
        if text is not None and json.loads(text).get("state") != "running":
            return
        number = self._last.number if self._last else 1
        status = resumed(text, nodes=len(view.live), total=node.job["steps"], attempt=number)
        failed = replace(
            status, state="failed", failure=reason, gate_only=node.gate_only, finished=now(), updated=now()
        )
        node.store.write(STATUS, failed.to_json())
        if self._last is not None:
            node.rendezvous.end(self._last, "the job has failed")


def main() -> int:
    """Run this node's part; what `cluster_launch.py` exits with."""
    return Launcher(os.environ).run()


if __name__ == "__main__":
    sys.exit(main())

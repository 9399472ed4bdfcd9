"""Runs one training job from wherever it stands: prepare, train, copy checkpoints, and say how it ended.

The same on SageMaker and EC2 (`places.py` knows which). A trainer that fails isn't started again: whoever set it up has
to repair something. One that is interrupted, is: its newest complete checkpoint is where the next start goes on.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import EXIT_COMPLETED, EXIT_FAILED, EXIT_INTERRUPTED
from .checkpoints import marked_files, newest_complete
from .logs import Log
from .places import find_places, read_settings
from .process import Child, exit_words
from .progress import Events, advanced, next_attempt, now
from .result import MANIFEST, collect
from .spot import interruption_announced
from .store import Store, download_all, fetch_checkpoint, open_store, remove_checkpoints, save_checkpoint, upload_all

_STATUS = "status.json"


class JobFailed(Exception):
    """The job can't go on; the message is what people read."""


class Launcher:
    """One start of a job."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        self._places = find_places(environ)
        self._settings = read_settings(environ)
        self._job: dict[str, Any] = json.loads((self._places.code / "job.json").read_text(encoding="utf-8"))
        for folder in (self._places.checkpoints, self._places.output, self._places.scratch):
            folder.mkdir(parents=True, exist_ok=True)
        self._store: Store | None = open_store(self._places.job_uri) if self._places.job_uri else None
        self._log = Log(self._places.scratch / "log.txt", [environ.get("HF_TOKEN", "")])
        self._status = next_attempt(self._status_before())
        self._child = Child(
            self._log, poll_seconds=self._settings.poll_seconds, stop_seconds=self._settings.stop_seconds
        )

    def run(self) -> int:
        """Everything; the exit code."""
        signal.signal(signal.SIGTERM, lambda *_: self._child.stop())
        try:
            self._publish()
            if self._status.attempt > self._job["attempts"]:
                raise JobFailed(f"interrupted {self._job['attempts']} times: not started again")
            if not self._train(self._prepare()):
                self._log.line(f"launch: interrupted at step {self._status.step}")
                self._publish()
                return EXIT_INTERRUPTED
            self._finish()
        except JobFailed as error:
            return self._fail(str(error))
        except Exception:
            for line in traceback.format_exc().splitlines():
                self._log.line(line)
            return self._fail(self._log.reason())
        return EXIT_COMPLETED

    # Preparing

    def _prepare(self) -> list[str]:
        """Fetch what is missing; the command that trains."""
        places = self._places
        if self._store is not None:
            if not places.train.exists():
                download_all(self._store, "data/", places.train.parent)
            fetch_checkpoint(self._store, places.checkpoints)
        if not places.train.exists():
            raise JobFailed(f"the training data isn't there: {places.train}")
        for folder in places.checkpoints.glob("checkpoint-*"):
            if marked_files(folder) is None:
                self._log.line(f"launch: {folder.name} is incomplete, and removed")
                shutil.rmtree(folder)
        if self._settings.install:
            self._install()
        self._give_token()
        resume = newest_complete(places.checkpoints)
        start = f"from {resume.name}" if resume else "from the start"
        self._log.line(f"launch: attempt {self._status.attempt}, {start}")
        return self._command(resume)

    def _install(self) -> None:
        pip = [self._settings.python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
        # Complete and hashed: nothing is left to resolve, and the image's torch stays.
        command = [*pip, "--no-deps", "--require-hashes", "-r", str(self._places.code / "requirements.txt")]
        if self._child.run(command, self._places.code, self._environ) != 0:
            raise JobFailed(f"the trainer's packages can't be installed:\n{self._log.reason()}")

    def _give_token(self) -> None:
        if self._settings.token_secret is None:
            if self._job["gated"] and not self._environ.get("HF_TOKEN"):
                raise JobFailed("the model asks for a token, and LLMSTRAT_TOKEN_SECRET names no secret")
            return
        import boto3

        answer = boto3.client("secretsmanager").get_secret_value(SecretId=self._settings.token_secret)
        self._log.hide(answer["SecretString"])
        self._environ["HF_TOKEN"] = answer["SecretString"]

    def _command(self, resume: Path | None) -> list[str]:
        code, cpu = self._places.code, self._settings.cpu
        starter = ["-m", "accelerate.commands.launch"]
        if cpu:
            starter += ["--cpu", "--num_processes", "1", "--num_machines", "1", "--mixed_precision", "no"]
            starter += ["--dynamo_backend", "no"]
        else:
            starter += ["--config_file", str(code / "accelerate.yaml")]
        trainer = ["-m", "trainer.trl_job", self._job["command"], "--config", str(code / "train.yaml")]
        trainer += ["--dataset_name", str(self._data()), "--output_dir", str(self._places.checkpoints)]
        base = self._settings.model or self._weights()
        trainer += ["--model_name_or_path", base] if base else []
        trainer += ["--resume_from_checkpoint", str(resume)] if resume else []
        if cpu:
            trainer += ["--use_cpu", "true", "--bf16", "false", "--fp16", "false", "--dtype", "float32"]
        return [self._settings.python, *starter, *trainer]

    def _data(self) -> Path:
        """A folder from whose file names `datasets` takes the splits."""
        folder = self._places.scratch / "data"
        folder.mkdir(exist_ok=True)
        for path in (self._places.train, self._places.validation):
            link = folder / path.name
            link.unlink(missing_ok=True)
            if path.exists():
                link.symlink_to(path.resolve())
        return folder

    def _weights(self) -> str | None:
        """The folder of weights that come from S3; None if the trainer gets them from the hub."""
        if not self._job["model"].startswith("s3://"):
            return None
        if not self._places.base.exists():
            download_all(open_store(self._job["model"]), "", self._places.base)
        return str(self._places.base)

    # Training

    def _train(self, command: list[str]) -> bool:
        """Whether it came to its end; False if it was interrupted. JobFailed if it failed."""
        path = self._places.scratch / "events.jsonl"
        path.unlink(missing_ok=True)
        events = Events(path)
        environ = {
            "HF_HOME": str(self._places.scratch / "hub"),
            "TOKENIZERS_PARALLELISM": "false",
            **self._environ,
            "LLMSTRAT_EVENTS": str(path),
            "LLMSTRAT_LAUNCHER": str(os.getpid()),
            "PYTHONUNBUFFERED": "1",
        }
        code = self._child.run(command, self._places.code, environ, lambda: self._watch(events))
        self._follow(events)
        # Told to stop, it may end in the middle of saving the last result, after the last step.
        if self._child.stopped and (code != 0 or self._status.step < max(self._status.total_steps, 1)):
            return False
        if code != 0:
            raise JobFailed(f"the trainer ended with {exit_words(code)}\n{self._log.reason()}")
        return True

    def _watch(self, events: Events) -> None:
        self._follow(events)
        if self._settings.spot and not self._child.stopped and interruption_announced():
            self._log.line("launch: the spot instance is about to be reclaimed")
            self._child.stop()

    def _follow(self, events: Events) -> None:
        news = events.read()
        if not news:
            return
        self._status = advanced(self._status, news)
        if any(event["event"] == "saved" for event in news):
            newest = newest_complete(self._places.checkpoints)
            if newest is not None and self._carefully(lambda store: save_checkpoint(store, newest)):
                self._log.line(f"launch: {newest.name} is in S3")
        self._publish()

    # Ending

    def _finish(self) -> None:
        status = replace(self._status, state="completed", finished=now(), updated=now())
        collect(self._places, self._job, status)
        if self._store is not None:
            upload_all(self._store, self._places.output, "output/", last=MANIFEST)
        self._status = status
        self._log.line(f"launch: completed after {status.step} steps")
        self._publish()
        self._carefully(lambda store: remove_checkpoints(store, before=None))

    def _fail(self, reason: str) -> int:
        reason = self._log.masked(reason)
        self._log.line(f"launch: failed: {reason.partition(chr(10))[0]}")
        self._status = replace(self._status, state="failed", failure=reason, finished=now(), updated=now())
        if self._places.failure is not None:
            self._places.failure.parent.mkdir(parents=True, exist_ok=True)
            self._places.failure.write_text(reason, encoding="utf-8")
        self._publish()
        return EXIT_FAILED

    # Telling

    def _status_before(self) -> str | None:
        if self._store is not None:
            return self._store.read(_STATUS)
        path = self._places.checkpoints / _STATUS
        return path.read_text(encoding="utf-8") if path.exists() else None

    def _publish(self) -> None:
        (self._places.checkpoints / _STATUS).write_text(self._status.to_json(), encoding="utf-8")
        self._carefully(lambda store: store.write(_STATUS, self._status.to_json()))

    def _carefully(self, action: Callable[[Store], object]) -> bool:
        """Do it to the store, if there is one. S3 being away for a moment must not end a training of hours."""
        if self._store is None:
            return False
        try:
            return action(self._store) is not False
        except Exception as error:
            self._log.line(f"launch: S3 doesn't answer: {type(error).__name__}: {error}")
            return False


def main() -> int:
    """Run the job of this machine; what `launch.py` exits with."""
    return Launcher(os.environ).run()


if __name__ == "__main__":
    sys.exit(main())

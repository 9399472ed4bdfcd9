"""Runs one training job from wherever it stands: prepare, train, copy checkpoints, and say how it ended.

The same on SageMaker and EC2 (`places.py` knows which). A trainer that fails isn't started again: whoever set it up has
to repair something. One that is interrupted, is: its newest complete checkpoint is where the next start goes on.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import EXIT_COMPLETED, EXIT_FAILED, EXIT_INTERRUPTED
from .checkpoints import marked_files, newest_complete
from .logs import Log
from .places import find_places, read_settings
from .progress import Events, Status, advanced, next_attempt, now
from .spot import interruption_announced
from .store import Store, download_all, fetch_checkpoint, open_store, remove_checkpoints, save_checkpoint, upload_all

_STATUS = "status.json"
_MANIFEST = "manifest.json"
_NO_RESULT = frozenset({_STATUS, "training_args.bin"})
"""What lies beside the trained weights and isn't part of them."""


class JobFailed(Exception):
    """The job can't go on; the message is what people read."""


class Launcher:
    """One start of a job."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = dict(environ)
        self.places = find_places(environ)
        self.settings = read_settings(environ)
        self.job: dict[str, Any] = json.loads((self.places.code / "job.json").read_text(encoding="utf-8"))
        for folder in (self.places.checkpoints, self.places.output, self.places.scratch):
            folder.mkdir(parents=True, exist_ok=True)
        self.store: Store | None = open_store(self.places.job_uri) if self.places.job_uri else None
        self.log = Log(self.places.scratch / "log.txt", [environ.get("HF_TOKEN", "")])
        self.status = next_attempt(self._status_before())
        self.process: subprocess.Popen[str] | None = None
        self.stopped_at: float | None = None

    def run(self) -> int:
        """Everything; the exit code."""
        signal.signal(signal.SIGTERM, lambda *_: self.stop("told to stop"))
        try:
            self._publish()
            if self.status.attempt > self.job["attempts"]:
                raise JobFailed(f"interrupted {self.job['attempts']} times: not started again")
            resume = self._prepare()
            if not self._train(self._command(resume)):
                self.log.line(f"launch: interrupted at step {self.status.step}")
                self._publish()
                return EXIT_INTERRUPTED
            self._finish()
        except JobFailed as error:
            return self._fail(str(error))
        except Exception:
            for line in traceback.format_exc().splitlines():
                self.log.line(line)
            return self._fail(self.log.reason())
        return EXIT_COMPLETED

    def stop(self, why: str) -> None:
        """Let the trainer save and end; it is killed when it takes too long."""
        if self.stopped_at is None:
            self.stopped_at = time.monotonic()
            self.log.line(f"launch: {why}")
            if self.process is not None:
                _signal_children(self.process)

    # Preparing

    def _prepare(self) -> Path | None:
        """Fetch what is missing; the checkpoint to go on from, if there is one."""
        if self.store is not None:
            if not self.places.train.exists():
                download_all(self.store, "data/", self.places.train.parent)
            fetch_checkpoint(self.store, self.places.checkpoints)
        if not self.places.train.exists():
            raise JobFailed(f"the training data isn't there: {self.places.train}")
        for folder in self.places.checkpoints.glob("checkpoint-*"):
            if marked_files(folder) is None:
                self.log.line(f"launch: {folder.name} is incomplete, and removed")
                shutil.rmtree(folder)
        if self.settings.install:
            self._install()
        self._give_token()
        resume = newest_complete(self.places.checkpoints)
        self.log.line(f"launch: attempt {self.status.attempt}, {f'from {resume.name}' if resume else 'from the start'}")
        return resume

    def _install(self) -> None:
        pip = [self.settings.python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
        # Complete and hashed: nothing is left to resolve, and the image's torch stays.
        command = [*pip, "--no-deps", "--require-hashes", "-r", str(self.places.code / "requirements.txt")]
        if self._run(command, self.environ) != 0:
            raise JobFailed(f"the trainer's packages can't be installed:\n{self.log.reason()}")

    def _give_token(self) -> None:
        if self.settings.token_secret is None:
            if self.job["gated"] and not self.environ.get("HF_TOKEN"):
                raise JobFailed("the model asks for a token, and LLMSTRAT_TOKEN_SECRET names no secret")
            return
        import boto3

        answer = boto3.client("secretsmanager").get_secret_value(SecretId=self.settings.token_secret)
        self.log.hide(answer["SecretString"])
        self.environ["HF_TOKEN"] = answer["SecretString"]

    def _command(self, resume: Path | None) -> list[str]:
        code = self.places.code
        launch = [
            self.settings.python,
            "-m",
            "accelerate.commands.launch",
            "--config_file",
            str(code / "accelerate.yaml"),
        ]
        if self.settings.cpu:
            launch += ["--cpu", "--mixed_precision", "no"]
        trainer = ["-m", "trainer.trl_job", self.job["command"], "--config", str(code / "train.yaml")]
        trainer += ["--dataset_name", str(self._data()), "--output_dir", str(self.places.checkpoints)]
        base = self.settings.model or self._weights()
        if base is not None:
            trainer += ["--model_name_or_path", base]
        if resume is not None:
            trainer += ["--resume_from_checkpoint", str(resume)]
        if self.settings.cpu:
            trainer += ["--use_cpu", "true", "--bf16", "false", "--fp16", "false"]
            trainer += ["--dtype", "float32", "--load_in_4bit", "false"]
        return [*launch, *trainer]

    def _data(self) -> Path:
        """A folder from whose file names `datasets` takes the splits."""
        folder = self.places.scratch / "data"
        folder.mkdir(exist_ok=True)
        for path in (self.places.train, self.places.validation):
            link = folder / path.name
            link.unlink(missing_ok=True)
            if path.exists():
                link.symlink_to(path.resolve())
        return folder

    def _weights(self) -> str | None:
        """The folder of weights that come from S3; None if the trainer gets them from the hub."""
        if not self.job["model"].startswith("s3://"):
            return None
        if not self.places.base.exists():
            download_all(open_store(self.job["model"]), "", self.places.base)
        return str(self.places.base)

    # Training

    def _train(self, command: list[str]) -> bool:
        """Whether it came to its end; False if it was interrupted. JobFailed if it failed."""
        events_path = self.places.scratch / "events.jsonl"
        events_path.unlink(missing_ok=True)
        environ = {
            "HF_HOME": str(self.places.scratch / "hub"),
            "TOKENIZERS_PARALLELISM": "false",
            **self.environ,
            "LLMSTRAT_EVENTS": str(events_path),
            "LLMSTRAT_LAUNCHER": str(os.getpid()),
            "PYTHONUNBUFFERED": "1",
        }
        events = Events(events_path)
        code = self._run(command, environ, lambda: self._follow(events))
        self._follow(events)
        if self.stopped_at is not None and self.status.step < max(self.status.total_steps, 1):
            return False
        if code != 0:
            raise JobFailed(f"the trainer ended with {_exit_words(code)}\n{self.log.reason()}")
        return True

    def _run(self, command: list[str], environ: Mapping[str, str], follow: Any = lambda: None) -> int:
        self.process = subprocess.Popen(
            command,
            cwd=self.places.code,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Of its own group, so that all of it can be killed; and so that it gets our SIGTERM only.
            start_new_session=True,
        )
        reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        reader.start()
        if self.stopped_at is not None:
            _signal_children(self.process)
        while self.process.poll() is None:
            try:
                self.process.wait(self.settings.poll_seconds)
            except subprocess.TimeoutExpired:
                follow()
                self._watch(self.process)
        # Where the starter has died before its trainers, they hold on to the GPUs.
        _kill_group(self.process)
        reader.join(timeout=10)
        code, self.process = self.process.returncode, None
        return code

    def _read(self, stream: Any) -> None:
        for line in stream:
            self.log.line(line)

    def _watch(self, process: subprocess.Popen[str]) -> None:
        if self.stopped_at is None and self.settings.spot and interruption_announced():
            self.stop("the spot instance is about to be reclaimed")
        if self.stopped_at is not None and time.monotonic() - self.stopped_at > self.settings.stop_seconds:
            self.log.line("launch: the trainer didn't stop in time")
            _kill_group(process)

    def _follow(self, events: Events) -> None:
        news = events.read()
        if not news:
            return
        self.status = advanced(self.status, news)
        if self.store is not None and any(event["event"] == "saved" for event in news):
            newest = newest_complete(self.places.checkpoints)
            if newest is not None and self._carefully(lambda store: save_checkpoint(store, newest)):
                self.log.line(f"launch: {newest.name} is saved")
        self._publish()

    # Ending

    def _finish(self) -> None:
        for path in self.places.checkpoints.iterdir():
            if path.is_file() and path.name not in _NO_RESULT:
                shutil.move(path, self.places.output / path.name)
        self._name_base()
        status = replace(self.status, state="completed", finished=now(), updated=now())
        manifest = self._manifest(status)
        (self.places.output / _MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        if self.store is not None:
            upload_all(self.store, self.places.output, "output/", last=_MANIFEST)
        self.status = status
        self.log.line(f"launch: completed after {status.step} steps")
        self._publish()
        if self.store is not None:
            self._carefully(lambda store: remove_checkpoints(store, before=None))

    def _name_base(self) -> None:
        """The adapter names its base as the spec does, not as a folder of this machine."""
        path = self.places.output / "adapter_config.json"
        if path.exists():
            config = json.loads(path.read_text(encoding="utf-8"))
            config |= {"base_model_name_or_path": self.job["model"], "revision": self.job["revision"]}
            path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")

    def _manifest(self, status: Status) -> dict[str, Any]:
        kept = ("key", "stack", "alias", "model", "revision", "method", "objective", "adapter", "rank", "data", "trl")
        files = {path.name: _sha256(path) for path in (self.places.train, self.places.validation) if path.exists()}
        return {
            **{name: self.job[name] for name in kept},
            "files": files,
            "metrics": status.metrics,
            "steps": status.step,
            "attempts": status.attempt,
            "started": status.started,
            "finished": status.finished,
        }

    def _fail(self, reason: str) -> int:
        reason = self.log.masked(reason)
        self.log.line(f"launch: failed: {reason.splitlines()[0] if reason else 'without a word'}")
        self.status = replace(self.status, state="failed", failure=reason, finished=now(), updated=now())
        if self.places.failure is not None:
            self.places.failure.parent.mkdir(parents=True, exist_ok=True)
            self.places.failure.write_text(reason, encoding="utf-8")
        self._publish()
        return EXIT_FAILED

    # Telling

    def _status_before(self) -> str | None:
        if self.store is not None:
            return self.store.read(_STATUS)
        path = self.places.checkpoints / _STATUS
        return path.read_text(encoding="utf-8") if path.exists() else None

    def _publish(self) -> None:
        (self.places.checkpoints / _STATUS).write_text(self.status.to_json(), encoding="utf-8")
        self._carefully(lambda store: store.write(_STATUS, self.status.to_json()))
        if self.log.path.exists():
            self._carefully(lambda store: store.upload(self.log.path, "log.txt"))

    def _carefully(self, action: Any) -> bool:
        """Do it to the store, if there is one. S3 being away for a moment must not end a training of hours."""
        if self.store is None:
            return False
        try:
            return action(self.store) is not False
        except Exception as error:
            self.log.line(f"launch: S3 doesn't answer: {type(error).__name__}: {error}")
            return False


def main() -> int:
    """Run the job of this machine; what `launch.py` exits with."""
    return Launcher(os.environ).run()


def _signal_children(process: subprocess.Popen[str]) -> None:
    """SIGTERM to what the starter has started: it would itself end without waiting for them, or kill them in 30 s."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    pids = [int(pid) for pid in children.read_text(encoding="utf-8").split()] if children.exists() else []
    for pid in pids or [process.pid]:
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            continue


def _kill_group(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _exit_words(code: int) -> str:
    if code == -signal.SIGKILL:
        return "SIGKILL: usually the instance ran out of memory"
    return f"exit code {code}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())

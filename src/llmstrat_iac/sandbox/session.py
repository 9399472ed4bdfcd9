"""A running sandbox: start it, find it again, ask how it is, and end it; `sandbox.json` in its home is the only memory.

The emulator, the LLM vendor and the local `aws` provider start together. Whatever runs against them gets its variables
from `environment()` or, safer, its whole environment from `isolated()`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

from llmstrat_iac.errors import SandboxError
from llmstrat_iac.sandbox import environment as variables
from llmstrat_iac.sandbox import processes
from llmstrat_iac.sandbox.advance import Advance, move_clock
from llmstrat_iac.sandbox.fleet.process import running_engines
from llmstrat_iac.sandbox.processes import ProcessRecord
from llmstrat_iac.sandbox.startup import Ports, start_processes

Llm = Literal["deterministic", "real"]
_RECORD = "sandbox.json"
_STOP = "stop it with `llmstrat sandbox stop` and start again"


def _silent(_message: str) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class ProcessStatus:
    """One process as it is now."""

    name: str
    pid: int
    port: int
    alive: bool
    log: str


@dataclass(frozen=True)
class SandboxStatus:
    """The whole sandbox as it is now."""

    home: Path
    llm: Llm
    lasting: bool
    processes: tuple[ProcessStatus, ...]

    @property
    def healthy(self) -> bool:
        """Whether every process runs."""
        return all(process.alive for process in self.processes)


@dataclass(frozen=True)
class SandboxSession:
    """A sandbox that was started here or found; all its state is in `home`.

    `lasting` ones run until they are stopped; the others end with the last command that borrows them. `proxy` is where
    a request that would leave loopback is sent: by default nowhere. Its clock is `ahead` of ours.
    """

    home: Path
    llm: Llm
    lasting: bool
    proxy: str
    records: tuple[ProcessRecord, ...]
    ahead: timedelta = timedelta()

    @property
    def addresses(self) -> variables.Addresses:
        """Where it listens."""
        return variables.Addresses(**{record.name: record.port for record in self.records})

    def environment(self) -> dict[str, str]:
        """The variables that a program, the engine or a plain `pulumi up` needs, beside unsetting REMOVED_VARIABLES."""
        return variables.program_variables(self.addresses, self.home, self.proxy, self.ahead)

    def isolated(self, environ: Mapping[str, str]) -> dict[str, str]:
        """A child's whole environment: `environ` less everything real, plus `environment()`."""
        return {**variables.without_real_accounts(environ), **self.environment()}

    def process_environment(self) -> dict[str, str]:
        """The whole environment of the sandbox's own processes, for one more of them."""
        return variables.process_variables(os.environ, self.addresses.emulator_url, self.home, self.proxy)

    def status(self) -> SandboxStatus:
        """How every process is."""
        states = tuple(
            ProcessStatus(record.name, record.pid, record.port, record.alive, record.log)
            for record in (*self.records, *running_engines(self.home))
        )
        return SandboxStatus(self.home, self.llm, self.lasting, states)

    def check(self) -> None:
        """Raise a SandboxError if a process has died, with the end of its log."""
        for record in self.records:
            if not record.alive:
                raise SandboxError(
                    f"the sandbox's {record.name} has died; its log `{record.log}` ends:\n{record.last_lines()}",
                    remedy=_STOP,
                )

    def advance(self, by: timedelta) -> Advance:
        """Move its clock forward, and wait until what falls due by then has been acted out."""
        self.check()
        told = move_clock(self.addresses.emulator, by)
        with _locked(self.home):
            _write(replace(self, ahead=told.ahead))
        return told

    def stop(self) -> None:
        """End every process of this sandbox and wait for it."""
        processes.stop(self.records)
        (self.home / _RECORD).unlink(missing_ok=True)


class Sandbox:
    """Where sandboxes come from: one for each home folder."""

    @staticmethod
    def start(
        home: Path,
        *,
        llm: Llm = "deterministic",
        on_progress: Callable[[str], None] = _silent,
        ports: Ports | None = None,
        lasting: bool = True,
        proxy: str = variables.NO_WAY_OUT,
    ) -> SandboxSession:
        """Start a sandbox with fresh state and wait until it answers; SandboxError if one runs in `home` already."""
        home = home.resolve()
        with _locked(home):
            running = Sandbox.find(home)
            if running is not None:
                running.check()
                raise SandboxError(f"a sandbox is already running in `{home}`", remedy=_STOP)
            return _start(home, llm, on_progress, ports or Ports(), lasting=lasting, proxy=proxy)

    @staticmethod
    def find(home: Path) -> SandboxSession | None:
        """The sandbox of a home folder if any of its processes still runs; a stale record is removed."""
        home = home.resolve()
        session = _read(home)
        if session is None or any(record.alive for record in session.records):
            return session
        (home / _RECORD).unlink(missing_ok=True)
        return None

    @staticmethod
    @contextlib.contextmanager
    def borrow(
        home: Path, *, llm: Llm = "deterministic", on_progress: Callable[[str], None] = _silent
    ) -> Iterator[SandboxSession]:
        """Use the sandbox of a home folder, or one for as long as somebody borrows it."""
        home = home.resolve()
        home.mkdir(parents=True, exist_ok=True)
        with (home / "users").open("a") as users:
            with _locked(home):
                session = Sandbox.find(home) or _start(
                    home, llm, on_progress, Ports(), lasting=False, proxy=variables.NO_WAY_OUT
                )
                fcntl.flock(users, fcntl.LOCK_SH)
            session.check()
            _require_llm(session, llm)
            try:
                yield session
            finally:
                if not session.lasting:
                    _stop_if_last(session, users.fileno())


def _start(
    home: Path, llm: Llm, on_progress: Callable[[str], None], ports: Ports, *, lasting: bool, proxy: str
) -> SandboxSession:
    _prepare(home)
    records = start_processes(home, llm=llm, ports=ports, proxy=proxy, on_progress=on_progress)
    session = SandboxSession(home, llm, lasting, proxy, records)
    _write(session)
    return session


def _require_llm(session: SandboxSession, llm: Llm) -> None:
    if llm == "real" and session.llm != "real":
        raise SandboxError(
            f"the sandbox running in `{session.home}` answers with the {session.llm} model, not a real one",
            remedy="stop it with `llmstrat sandbox stop` and start it with the real one",
        )


def _stop_if_last(session: SandboxSession, users: int) -> None:
    with _locked(session.home), contextlib.suppress(BlockingIOError):
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        session.stop()


def _prepare(home: Path) -> None:
    """Fresh folders: the emulator forgets everything when it ends, so older Pulumi state would describe nothing."""
    for folder in ("state", "fleet"):
        shutil.rmtree(home / folder, ignore_errors=True)
    for folder in ("state", "logs"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    (home / "empty").write_text("")
    _make_passphrase(home / "passphrase")


def _make_passphrase(path: Path) -> None:
    """One for each home, kept: a project's `Pulumi.<stack>.yaml` holds a salt that only opens with the same one."""
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))


@contextlib.contextmanager
def _locked(home: Path) -> Iterator[None]:
    """One start or stop at a time; others wait for it."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(session: SandboxSession) -> None:
    content = {
        "llm": session.llm,
        "lasting": session.lasting,
        "proxy": session.proxy,
        "ahead_seconds": session.ahead.total_seconds(),
        "processes": [asdict(record) for record in session.records],
    }
    staging = session.home / f"{_RECORD}.new"
    staging.write_text(json.dumps(content, indent=2))
    staging.replace(session.home / _RECORD)


def _read(home: Path) -> SandboxSession | None:
    try:
        content = json.loads((home / _RECORD).read_text())
        records = tuple(ProcessRecord(**record) for record in content["processes"])
        ahead = timedelta(seconds=content["ahead_seconds"])
        return SandboxSession(home, content["llm"], bool(content["lasting"]), str(content["proxy"]), records, ahead)
    except (OSError, ValueError, KeyError, TypeError):
        return None

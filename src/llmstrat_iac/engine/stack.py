"""The adapter to the engine: `Engine` for a backend, `Stack` for one stack. One `pulumi` process per operation.

Programs run in this process (`program`), settings are written without asking Pulumi (`settings`), events become ours
(`events`) and failures are explained (`failures`). A lock or half-done work left by a command that died is cleared by
the next operation that changes anything.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmstrat_iac.engine.backends import Backend
from llmstrat_iac.engine.events import Diagnostic, EventTranslator, OnEvent, Op, Severity
from llmstrat_iac.engine.failures import Failure, StackLockedError, StackNotFoundError, explain
from llmstrat_iac.engine.locate import PulumiCli
from llmstrat_iac.engine.locks import LockOwner
from llmstrat_iac.engine.process import Completed, run_process
from llmstrat_iac.engine.program import InlineHost, Program, engine_environment
from llmstrat_iac.engine.results import (
    OperationResult,
    Outputs,
    PendingOperation,
    Resource,
    Snapshot,
    StackName,
    read_snapshot,
    read_stacks,
)
from llmstrat_iac.engine.settings import write_workspace
from llmstrat_iac.errors import EngineError, LlmstratError

DEBUG_PROVIDERS_VARIABLE = "PULUMI_DEBUG_PROVIDERS"


@dataclass(frozen=True)
class Recovery:
    """What was cleared after a crash. Whether a dropped operation had reached the cloud is unknown: sweep for it."""

    locks: tuple[LockOwner, ...]
    dropped: tuple[PendingOperation, ...]


def _no_program() -> None:
    """The program of operations that run none."""


def _ignore(_event: object) -> None:
    """The callback of callers that don't watch."""


@dataclass(frozen=True)
class Engine:
    """Runs stacks with one Pulumi on one backend. `environment` is the whole environment of its processes."""

    cli: PulumiCli
    backend: Backend
    environment: Mapping[str, str]

    def stack(
        self,
        project: str,
        stack: str,
        program: Program = _no_program,
        *,
        config: Mapping[str, str] | None = None,
    ) -> Stack:
        """Take hold of a stack; nothing is created before the first operation. `config` holds no secrets."""
        return Stack(self, project, stack, program, dict(config or {}))

    def list_stacks(self, project: str | None = None) -> tuple[StackName, ...]:
        """List the backend's stacks, of one project or of all."""
        self.backend.prepare()
        completed = self.run(["stack", "ls", "--all", "--json"], cwd=self.backend.workspaces)
        if completed.code != 0:
            raise explain(Failure("list", project or "all projects", "*", completed))
        stacks = read_stacks(completed.stdout)
        return tuple(one for one in stacks if project is None or one.project == project)

    def run(self, arguments: Sequence[str], *, cwd: Path, stdin: str | None = None) -> Completed:
        """Run one `pulumi` command in the engine's environment."""
        command: list[str | Path] = [self.cli.path, "--non-interactive", "--color=never", *arguments]
        return run_process(command, cwd=cwd, environment=self.process_environment(), stdin=stdin)

    def process_environment(self) -> dict[str, str]:
        """The environment for Pulumi and its providers: this Python and this engine come first."""
        given = dict(self.environment)
        folders = [str(self.cli.bin_dir), str(Path(sys.executable).parent), given.get("PATH", os.defpath)]
        settings = {
            "PATH": os.pathsep.join(folders),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # The flags for inline programs and the event stream are hidden without it.
            "PULUMI_DEBUG_COMMANDS": "true",
            "PULUMI_AUTOMATION_API": "true",
            # What the dynamic provider is started with; `python3` on PATH need not be this one.
            "PULUMI_PYTHON_CMD": sys.executable,
        }
        if given.get(DEBUG_PROVIDERS_VARIABLE):
            settings["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
        # API Gateway's control plane allows a few calls a second; adaptive retries wait instead of failing.
        return {"AWS_RETRY_MODE": "adaptive", **given, **self.backend.environment(), **settings}


@dataclass(frozen=True)
class Stack:
    """One stack. Events are delivered on another thread, one at a time."""

    engine: Engine
    project: str
    name: str
    program: Program
    config: Mapping[str, str] = field(default_factory=dict)

    @property
    def workspace(self) -> Path:
        return self.engine.backend.workspaces / self.project

    def preview(self, on_event: OnEvent = _ignore) -> OperationResult:
        """Compute what `up` would do. Creates the stack's record if there is none, as Pulumi itself does."""
        return self._operate("preview", ["preview"], on_event, create=True)

    def up(self, on_event: OnEvent = _ignore, *, planned: int | None = None) -> OperationResult:
        """Create and update what the program asks for. `planned` is a preview's `total`, for the progress."""
        arguments = ["up", "--yes", "--skip-preview"]
        return self._recovering("up", arguments, on_event, planned=planned, create=True)

    def destroy(
        self, on_event: OnEvent = _ignore, *, planned: int | None = None, remove: bool = False
    ) -> OperationResult:
        """Delete every resource; with `remove` the stack's record and history too."""
        arguments = ["destroy", "--yes", "--skip-preview", *(["--remove"] if remove else [])]
        return self._recovering("destroy", arguments, on_event, planned=planned)

    def refresh(self, on_event: OnEvent = _ignore) -> OperationResult:
        """Bring the state in line with what really exists."""
        return self._recovering("refresh", ["refresh", "--yes", "--skip-preview"], on_event)

    def snapshot(self, *, show_secrets: bool = False) -> Snapshot:
        """Read the recorded resources, outputs and unfinished operations at once."""
        arguments = ["stack", "export", *(["--show-secrets"] if show_secrets else [])]
        return read_snapshot(self._command("export", arguments))

    def outputs(self, *, show_secrets: bool = False) -> Outputs:
        """Read the outputs; secrets are `[secret]` unless shown."""
        return self.snapshot(show_secrets=show_secrets).outputs

    def resources(self) -> tuple[Resource, ...]:
        """Read the recorded resources, without any of their properties."""
        return self.snapshot().resources

    def exists(self) -> bool:
        """Whether the backend knows the stack."""
        try:
            self.snapshot()
        except StackNotFoundError:
            return False
        return True

    def remove(self, *, force: bool = False) -> None:
        """Remove the stack's record and settings. Refused while it has resources, unless forced."""
        self._command("remove", ["stack", "rm", "--yes", *(["--force"] if force else [])])

    def cancel(self) -> None:
        """Break the stack's lock, whoever holds it. Dangerous while its owner lives."""
        self._prepare()
        completed = self.engine.run(["cancel", "--yes", self.name], cwd=self.workspace)
        if completed.code != 0:
            raise explain(self._failure("cancel", completed))

    def recover(self, on_event: OnEvent = _ignore) -> Recovery:
        """Clean up after a command that died: its lock, if its process is gone, and operations of unknown outcome."""
        locks = self._clear_stale_lock(on_event)
        dropped = self.snapshot().pending
        if dropped:
            # A refresh settles pending updates and deletes by looking; a create has no id yet to look for.
            self._operate("refresh", ["refresh", "--yes", "--skip-preview", "--clear-pending-creates"], on_event)
        return Recovery(locks, dropped)

    def config_get(self, key: str) -> str:
        """Read a configuration value, decrypted."""
        return self._command("config get", ["config", "get", key]).removesuffix("\n")

    def config_set(self, key: str, value: str, *, secret: bool) -> None:
        """Set a configuration value; it is passed on standard input, since arguments are visible to other users."""
        kind = "--secret" if secret else "--plaintext"
        self._command("config set", ["config", "set", key, kind], stdin=value, create=True)

    def _recovering(
        self,
        verb: str,
        arguments: Sequence[str],
        on_event: OnEvent,
        *,
        planned: int | None = None,
        create: bool = False,
    ) -> OperationResult:
        try:
            return self._operate(verb, arguments, on_event, planned=planned, create=create)
        except StackLockedError as error:
            if not error.is_stale:
                raise
        recovery = self.recover(on_event)
        names = ", ".join(f"`{one.name}` ({one.doing})" for one in recovery.dropped) or "none"
        message = f"recovered from a command that died; operations of unknown outcome: {names}"
        on_event(Diagnostic(Severity.WARNING, message, ""))
        return self._operate(verb, arguments, on_event, planned=planned, create=create)

    def _clear_stale_lock(self, on_event: OnEvent) -> tuple[LockOwner, ...]:
        try:
            self._operate("refresh", ["refresh", "--yes", "--skip-preview"], on_event)
        except StackLockedError as error:
            if not error.is_stale:
                raise
            self.cancel()
            return error.owners
        return ()

    def _operate(
        self,
        verb: str,
        arguments: Sequence[str],
        on_event: OnEvent,
        *,
        planned: int | None = None,
        create: bool = False,
    ) -> OperationResult:
        try:
            return self._operate_once(verb, arguments, on_event, planned)
        except StackNotFoundError:
            if not create:
                raise
        self._create()
        return self._operate_once(verb, arguments, on_event, planned)

    def _operate_once(
        self, verb: str, arguments: Sequence[str], on_event: OnEvent, planned: int | None
    ) -> OperationResult:
        self._prepare(self.config)
        translator = EventTranslator(planned=planned)

        def receive(raw: Mapping[str, Any]) -> None:
            for event in translator.translate(raw):
                on_event(event)

        with (
            engine_environment(self.engine.process_environment()),
            InlineHost(self.program, receive) as host,
        ):
            inline = ["--client", host.address, "--event-log", f"tcp://{host.address}"]
            quiet = ["--suppress-progress", "--suppress-outputs", "--exec-kind", "auto.inline"]
            completed = self._run([*arguments, *inline, *quiet])
        self._raise_failure(verb, completed, translator, host)
        summary = translator.summary
        changes: Mapping[Op, int] = summary.changes if summary else {}
        return OperationResult(changes, summary.seconds if summary else 0.0, translator.outputs)

    def _raise_failure(self, verb: str, completed: Completed, translator: EventTranslator, host: InlineHost) -> None:
        if host.event_failure is not None:
            raise host.event_failure
        if completed.code == 0:
            return
        failure = Failure(verb, self.project, self.name, completed, tuple(translator.failed), tuple(translator.errors))
        if isinstance(host.failure, LlmstratError):
            raise host.failure
        explained = explain(failure)
        # What a program raises after the engine has given up on a resource is only the echo of that.
        is_echo = bool(failure.failed) or type(explained) is not EngineError
        if host.failure is not None and not is_echo:
            raise host.failure
        raise explained from host.failure

    def _create(self) -> None:
        provider = self.engine.backend.secrets_provider
        arguments = ["stack", "init", self.name, "--no-select"]
        completed = self.engine.run(
            [*arguments, *(["--secrets-provider", provider] if provider else [])], cwd=self.workspace
        )
        # Two commands may create it at once; the operation that follows is what the lock is for.
        if completed.code != 0 and "already exists" not in completed.stderr:
            raise explain(self._failure("create", completed))

    def _command(self, verb: str, arguments: Sequence[str], *, stdin: str | None = None, create: bool = False) -> str:
        self._prepare()
        completed = self._run(arguments, stdin=stdin)
        if completed.code == 0:
            return completed.stdout
        error = explain(self._failure(verb, completed))
        if not (create and isinstance(error, StackNotFoundError)):
            raise error
        self._create()
        return self._command(verb, arguments, stdin=stdin)

    def _run(self, arguments: Sequence[str], *, stdin: str | None = None) -> Completed:
        return self.engine.run([*arguments, "--stack", self.name], cwd=self.workspace, stdin=stdin)

    def _failure(self, verb: str, completed: Completed) -> Failure:
        return Failure(verb, self.project, self.name, completed)

    def _prepare(self, config: Mapping[str, str] | None = None) -> None:
        self.engine.backend.prepare()
        write_workspace(
            self.workspace,
            project=self.project,
            stack=self.name,
            config=config or {},
            secrets_provider=self.engine.backend.secrets_provider,
        )

"""The adapter to the engine: `Engine` for a backend, `Stack` for one stack. One `pulumi` process per operation.

Programs run in this process (`operation`), settings are written without asking Pulumi (`settings`), and failures are
explained (`failures`). What a command that died left behind, a lock, half-done work or a damaged state file, is cleared
by the next operation that meets it, which says so with a warning event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from llmstrat_iac.engine.backends import Backend
from llmstrat_iac.engine.environment import process_environment
from llmstrat_iac.engine.events import Diagnostic, OnEvent, Severity
from llmstrat_iac.engine.failures import (
    DamagedStateError,
    DiskFullError,
    Failure,
    StackLockedError,
    StackNotFoundError,
    explain,
)
from llmstrat_iac.engine.locate import PulumiCli
from llmstrat_iac.engine.locks import LockOwner, remove_local_locks
from llmstrat_iac.engine.operation import DESTROY, DESTROY_AND_REMOVE, PREVIEW, REFRESH, SETTLE, UP, Attempt, Operation
from llmstrat_iac.engine.process import Completed, run_process
from llmstrat_iac.engine.program import Program
from llmstrat_iac.engine.results import (
    OperationResult,
    Outputs,
    Recovery,
    Resource,
    Snapshot,
    StackName,
    read_snapshot,
    read_stacks,
)
from llmstrat_iac.engine.settings import write_workspace
from llmstrat_iac.engine.statefile import MINIMUM_FREE_BYTES, StateFile
from llmstrat_iac.errors import EngineError


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
    minimum_free_bytes: int = MINIMUM_FREE_BYTES

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
        """The environment that Pulumi, its providers and the program get."""
        return process_environment(self.cli, self.backend, self.environment)


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
        return self._perform(PREVIEW, on_event)

    def up(self, on_event: OnEvent = _ignore, *, planned: int | None = None) -> OperationResult:
        """Create and update what the program asks for. `planned` is a preview's `total`, for the progress."""
        return self._perform(UP, on_event, planned)

    def destroy(
        self, on_event: OnEvent = _ignore, *, planned: int | None = None, remove: bool = False
    ) -> OperationResult:
        """Delete every resource; with `remove` the stack's record and history too."""
        result = self._perform(DESTROY_AND_REMOVE if remove else DESTROY, on_event, planned)
        if remove:
            self._forget()
        return result

    def refresh(self, on_event: OnEvent = _ignore, *, targets: Iterable[str] = ()) -> OperationResult:
        """Bring the state in line with what really exists; of the targets (URNs) only, if there are any."""
        chosen = tuple(argument for urn in targets for argument in ("--target", urn))
        return self._perform(replace(REFRESH, arguments=REFRESH.arguments + chosen), on_event)

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
        self._forget()

    def cancel(self) -> None:
        """Break the stack's lock, whoever holds it. Dangerous while its owner lives."""
        self._prepare()
        completed = self.engine.run(["cancel", "--yes", self.name], cwd=self.workspace)
        if completed.code != 0:
            raise self._explained("cancel", completed)

    def recover(self, on_event: OnEvent = _ignore) -> Recovery:
        """Clean up after a command that died: its lock, if its process is gone, and operations of unknown outcome."""
        pending = self.snapshot().pending
        owners: tuple[LockOwner, ...] = ()
        try:
            self._attempt(SETTLE, on_event)
        except StackLockedError as error:
            owners = self._break_stale_lock(error)
            self._attempt(SETTLE, on_event)
        return Recovery(owners, pending)

    def config_get(self, key: str) -> str:
        """Read a configuration value, decrypted."""
        return self._command("config get", ["config", "get", key]).removesuffix("\n")

    def config_set(self, key: str, value: str, *, secret: bool) -> None:
        """Set a configuration value; it is passed on standard input, since arguments are visible to other users."""
        kind = "--secret" if secret else "--plaintext"
        arguments = ["config", "set", key, kind]
        try:
            self._command("config set", arguments, stdin=value)
        except StackNotFoundError:
            self._create()
            self._command("config set", arguments, stdin=value)

    def _perform(
        self,
        operation: Operation,
        on_event: OnEvent,
        planned: int | None = None,
        remedied: tuple[type[Exception], ...] = (),
    ) -> OperationResult:
        """Perform it; what stands in the way and can be remedied is, once each."""
        try:
            return self._attempt(operation, on_event, planned)
        except (StackNotFoundError, StackLockedError, DamagedStateError) as error:
            if isinstance(error, remedied):
                raise
            self._remedy(error, operation, on_event)
            remedied = (*remedied, type(error))
        return self._perform(operation, on_event, planned, remedied)

    def _remedy(self, error: Exception, operation: Operation, on_event: OnEvent) -> None:
        if isinstance(error, StackLockedError):
            self._break_stale_lock(error)
            self._settle(on_event)
        elif isinstance(error, StackNotFoundError) and operation.creates:
            self._create()
        elif isinstance(error, DamagedStateError) and self._restore_state():
            _warn(on_event, "the state was damaged and is restored from the last good copy")
        else:
            raise error

    def _settle(self, on_event: OnEvent) -> None:
        dropped = self.snapshot().pending
        if dropped:
            self._perform(SETTLE, on_event)
        names = ", ".join(f"`{one.name}` ({one.doing})" for one in dropped) or "none"
        _warn(on_event, f"recovered from a command that died; operations of unknown outcome: {names}")

    def _break_stale_lock(self, error: StackLockedError) -> tuple[LockOwner, ...]:
        if not error.is_stale:
            raise error
        if not remove_local_locks(error.owners):
            self.cancel()
        return error.owners

    def _attempt(self, operation: Operation, on_event: OnEvent, planned: int | None = None) -> OperationResult:
        self._prepare(self.config)
        state = self._state_file
        if state is not None and operation.changes:
            state.check_space(f"{self.project}/{self.name}", self.engine.minimum_free_bytes)
            state.keep()
        if state is not None and operation.creates and not state.file.exists():
            self._create()  # it would fail and tell us to
        environment = self.engine.process_environment()
        attempt = Attempt(operation, self.project, self.name, self.program, environment, self._run)
        try:
            return attempt.perform(on_event, planned)
        except DiskFullError as error:
            # Pulumi would take an empty draft for a lock, and the empty state for the truth.
            for draft in error.drafts:
                Path(draft).unlink(missing_ok=True)
            self._restore_state()
            raise
        finally:
            if state is not None and operation.changes:
                state.keep()

    @property
    def _state_file(self) -> StateFile | None:
        folder = self.engine.backend.state_dir
        return StateFile.of(folder, self.workspace, self.project, self.name) if folder else None

    def _restore_state(self) -> bool:
        state = self._state_file
        return state is not None and state.restore()

    def _forget(self) -> None:
        state = self._state_file
        if state is not None:
            state.forget()

    def _create(self) -> None:
        provider = self.engine.backend.secrets_provider
        chosen = ["--secrets-provider", provider] if provider else []
        completed = self.engine.run(["stack", "init", self.name, "--no-select", *chosen], cwd=self.workspace)
        # Two commands may create it at once; the operation that follows is what the lock is for.
        if completed.code != 0 and "already exists" not in completed.stderr:
            raise self._explained("create", completed)

    def _command(self, verb: str, arguments: Sequence[str], *, stdin: str | None = None) -> str:
        self._prepare()
        completed = self._run(arguments, stdin=stdin)
        if completed.code == 0:
            return completed.stdout
        error = self._explained(verb, completed)
        if isinstance(error, DamagedStateError) and self._restore_state():
            return self._command(verb, arguments, stdin=stdin)
        raise error

    def _run(self, arguments: Sequence[str], *, stdin: str | None = None) -> Completed:
        return self.engine.run([*arguments, "--stack", self.name], cwd=self.workspace, stdin=stdin)

    def _explained(self, verb: str, completed: Completed) -> EngineError:
        return explain(Failure(verb, self.project, self.name, completed))

    def _prepare(self, config: Mapping[str, str] | None = None) -> None:
        self.engine.backend.prepare()
        write_workspace(
            self.workspace,
            project=self.project,
            stack=self.name,
            config=config or {},
            secrets_provider=self.engine.backend.secrets_provider,
        )


def _warn(on_event: OnEvent, message: str) -> None:
    on_event(Diagnostic(Severity.WARNING, message, ""))

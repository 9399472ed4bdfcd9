"""One table that turns what Pulumi says when it fails into errors that name the problem and the way out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llmstrat_iac.engine.events import Diagnostic, ResourceFailed, plain_text
from llmstrat_iac.engine.locks import LockOwner, read_owners
from llmstrat_iac.engine.process import Completed
from llmstrat_iac.errors import EngineError

_INVOKE = re.compile(
    r"^invoke of (?P<token>\S+) failed: (?:invocation of \S+ returned an error: )?(?P<answer>.*)$", re.DOTALL
)


class StackLockedError(EngineError):
    """Another command works on the stack, or died while it did."""

    def __init__(self, message: str, *, remedy: str, owners: tuple[LockOwner, ...]) -> None:
        super().__init__(message, remedy=remedy)
        self.owners = owners

    @property
    def is_stale(self) -> bool:
        return bool(self.owners) and all(owner.is_gone for owner in self.owners)


class StackNotFoundError(EngineError):
    """The backend has no such stack."""


class PassphraseError(EngineError):
    """The state's secrets can't be decrypted."""


class StateError(EngineError):
    """The state can't be read or written."""


class DamagedStateError(StateError):
    """The recorded state isn't whole."""


class DiskFullError(StateError):
    """The state can't be written for want of space. `drafts` are the half-written files that were left behind."""

    def __init__(self, message: str, *, remedy: str, drafts: tuple[str, ...]) -> None:
        super().__init__(message, remedy=remedy)
        self.drafts = drafts


class ResourceError(EngineError):
    """The provider refused an operation on a resource."""

    def __init__(self, message: str, *, remedy: str, resources: tuple[str, ...]) -> None:
        super().__init__(message, remedy=remedy)
        self.resources = resources


class OperationInterruptedError(EngineError):
    """The user, or the system, stopped the operation. `killed` says that the engine had no chance to save its state."""

    def __init__(self, message: str, *, remedy: str, killed: bool) -> None:
        super().__init__(message, remedy=remedy)
        self.killed = killed


@dataclass(frozen=True)
class Failure:
    """Everything known about a failed operation."""

    verb: str
    project: str
    stack: str
    process: Completed
    failed: Sequence[ResourceFailed] = ()
    errors: Sequence[Diagnostic] = ()

    @property
    def text(self) -> str:
        """All that was said, messages of the event stream first."""
        return "\n".join(
            [
                *(one.message for one in self.errors),
                plain_text(self.process.stderr),
                plain_text(self.process.stdout),
            ]
        )

    @property
    def label(self) -> str:
        return f"{self.project}/{self.stack}"


def explain(failure: Failure) -> EngineError:
    """Choose the error: interrupts first, then the table, then the failed resources, then Pulumi's own words."""
    if failure.process.interrupts:
        return _interrupted(failure)
    for pattern, build in _TABLE:
        match = pattern.search(failure.text)
        if match:
            return build(failure, match)
    if failure.failed:
        return _resources_failed(failure)
    return EngineError(
        f"{failure.label}: `{failure.verb}` failed: {_last_words(failure)}",
        remedy="run `llmstrat doctor`; if the message doesn't tell what to do, report it",
    )


def explain_invoke(raised: BaseException) -> EngineError | None:
    """What a data source said that a program asked for; None if the program raised for another reason.

    Pulumi raises it as a bare Exception, which would be a traceback, although it is AWS's answer.
    """
    match = _INVOKE.match(str(raised)) if type(raised) is Exception else None
    if match is None:
        return None
    token, answer = match["token"].rpartition(":")[2], " ".join(match["answer"].split())
    return EngineError(
        f"AWS can't answer `{token}`: {answer}",
        remedy="nothing was changed; check the region, and that whoever deploys may make this call (`llmstrat iam`)",
    )


def _interrupted(failure: Failure) -> EngineError:
    killed = failure.process.code < 0
    how = "was killed; what it was doing is unknown" if killed else "stopped, and what was done is recorded"
    return OperationInterruptedError(
        f"{failure.label}: `{failure.verb}` {how}",
        remedy="run `llmstrat up` to go on or `llmstrat down` to take it down; both clean up after the interrupt",
        killed=killed,
    )


def _locked(failure: Failure, _match: re.Match[str]) -> EngineError:
    owners = read_owners(failure.text)
    who = ", ".join(
        f"{one.user}@{one.host} (process {one.pid}, since {one.since}, lock `{one.file}`)" for one in owners
    )
    if owners and all(owner.is_gone for owner in owners):
        return StackLockedError(
            f"{failure.label}: locked by a command that died: {who}",
            remedy="run the same command again; it clears the lock and recovers first",
            owners=owners,
        )
    return StackLockedError(
        f"{failure.label}: another command is working on this stack: {who or 'its owner is unknown'}",
        remedy="wait until it ends; only if you are sure that it died, run `pulumi cancel` on the stack",
        owners=owners,
    )


def _conflict(failure: Failure, _match: re.Match[str]) -> EngineError:
    return StackLockedError(
        f"{failure.label}: another update of this stack is in progress",
        remedy="wait until it ends; only if you are sure that it died, run `pulumi cancel` on the stack",
        owners=(),
    )


def _not_found(failure: Failure, _match: re.Match[str]) -> EngineError:
    return StackNotFoundError(
        f"{failure.label}: there is no such stack in this backend",
        remedy="check the name and the backend with `llmstrat list`, or create it with `llmstrat up`",
    )


_DRAFT = re.compile(r"(?:write|create|open) (/.+?\.tmp): (?:no space|file too large|disk quota)")


def _disk_full(failure: Failure, match: re.Match[str]) -> EngineError:
    return DiskFullError(
        f"{failure.label}: the state can't be written, the disk is full: {_line(failure, match)}",
        remedy="free some space, then run the command again; it recovers what was under way",
        drafts=tuple(set(_DRAFT.findall(failure.text))),
    )


def _passphrase(failure: Failure, _match: re.Match[str]) -> EngineError:
    return PassphraseError(
        f"{failure.label}: the passphrase doesn't fit this stack's state",
        remedy="restore the passphrase file beside the state, or set PULUMI_CONFIG_PASSPHRASE to the right one",
    )


def _no_passphrase(failure: Failure, _match: re.Match[str]) -> EngineError:
    return PassphraseError(
        f"{failure.label}: the state is encrypted with a passphrase, and none is set",
        remedy="set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE",
    )


def _corrupted(failure: Failure, match: re.Match[str]) -> EngineError:
    return DamagedStateError(
        f"{failure.label}: the recorded state is damaged: {_line(failure, match)}",
        remedy="restore the newest good copy from `.pulumi/backups` in the backend",
    )


def _no_plugin(failure: Failure, match: re.Match[str]) -> EngineError:
    return EngineError(
        f"{failure.label}: a provider plugin is missing: {_line(failure, match)}",
        remedy="with internet access run `pulumi plugin install resource NAME VERSION`; without it, use `--sandbox`",
    )


def _no_login(failure: Failure, _match: re.Match[str]) -> EngineError:
    return EngineError(
        f"{failure.label}: nobody is logged in to a Pulumi backend",
        remedy="run `pulumi login`, or leave out `backend:` to keep the state in a local folder",
    )


def _no_access(failure: Failure, match: re.Match[str]) -> EngineError:
    return StateError(
        f"{failure.label}: the backend can't be reached: {_line(failure, match)}",
        remedy="check that it exists and that your credentials may read and write it",
    )


def _no_key(failure: Failure, match: re.Match[str]) -> EngineError:
    return PassphraseError(
        f"{failure.label}: the key that encrypts secrets can't be used: {_line(failure, match)}",
        remedy="check that the KMS key exists, and that your credentials may encrypt and decrypt with it",
    )


_Build = Callable[[Failure, "re.Match[str]"], EngineError]
_TABLE: Sequence[tuple[re.Pattern[str], _Build]] = tuple(
    (re.compile(pattern, re.IGNORECASE), build)
    for pattern, build in (
        (r"the stack is currently locked by", _locked),
        (r"another update is currently in progress|\[409\] conflict", _conflict),
        (r"no space left on device|file too large|disk quota exceeded", _disk_full),
        (r"no stack named '.*' found", _not_found),
        (r"incorrect passphrase|message authentication failed", _passphrase),
        (
            r"passphrase must be set|PULUMI_CONFIG_PASSPHRASE_FILE environment variables?",
            _no_passphrase,
        ),
        (
            r"failed to load checkpoint|could not deserialize deployment|unexpected end of json input|"
            r"invalid character .* looking for|snapshot integrity|unmarshal\w* .*checkpoint",
            _corrupted,
        ),
        (r"secrets \(code=|operation error KMS", _no_key),
        (r"no resource plugin '.*' found|could not (?:find|load) plugin|failed to load plugin", _no_plugin),
        (r"PULUMI_ACCESS_TOKEN must be set|not logged in", _no_login),
        (
            r"unable to open bucket|error listing stacks|NoSuchBucket|read \".*meta\.yaml\"|get stack: .*denied",
            _no_access,
        ),
    )
)


def _resources_failed(failure: Failure) -> EngineError:
    lines = []
    for one in failure.failed:
        said = next((error.message for error in failure.errors if error.urn == one.urn), "it gave no reason")
        lines.append(f"{one.op.value} of `{one.name}` ({one.type}) failed: {said}")
    return ResourceError(
        f"{failure.label}: " + "\n  ".join(lines),
        remedy="what was done is recorded: correct the cause and run it again, or run `llmstrat down`",
        resources=tuple(one.urn for one in failure.failed),
    )


def _line(failure: Failure, match: re.Match[str]) -> str:
    start = failure.text.rfind("\n", 0, match.start()) + 1
    end = failure.text.find("\n", match.end())
    return failure.text[start : end if end >= 0 else None].strip().removeprefix("error: ")


def _last_words(failure: Failure) -> str:
    if failure.errors:
        return failure.errors[-1].message
    lines = plain_text(failure.process.stderr or failure.process.stdout).splitlines()
    return lines[-1].removeprefix("error: ") if lines else f"it ended with {failure.process.code} and said nothing"

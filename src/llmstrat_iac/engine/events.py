"""What happens while the engine works, as frozen values, and their translation from Pulumi's event stream.

Pure. Property values are never copied out of an event, apart from a stack's outputs with their secrets masked.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_PREFIX = "pulumi:providers:"
MASK = "[secret]"
SECRET_MARK = ("4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270")
"""The key and value that mark a secret in Pulumi's wire format (sdk/go/common/resource/sig)."""


class Op(StrEnum):
    """What is done to a resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    READ = "read"
    REFRESH = "refresh"
    IMPORT = "import"
    FORGET = "forget"
    SAME = "same"


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class ResourceStarted:
    urn: str
    type: str
    name: str
    op: Op


@dataclass(frozen=True)
class ResourceDone:
    """`physical`: something outside of the state, so no component, stack or provider."""

    urn: str
    type: str
    name: str
    op: Op
    seconds: float
    physical: bool = True


@dataclass(frozen=True)
class ResourceFailed:
    urn: str
    type: str
    name: str
    op: Op
    seconds: float


@dataclass(frozen=True)
class Diagnostic:
    """A message for the user; `urn` is empty when it is about the whole stack."""

    severity: Severity
    message: str
    urn: str


@dataclass(frozen=True)
class Progress:
    """How many resources are done, of those known so far or, where a preview was taken first, of those planned."""

    planned: int
    done: int


@dataclass(frozen=True)
class Download:
    """A provider plugin being fetched. `total` is 0 while unknown; both are bytes."""

    name: str
    received: int
    total: int
    done: bool


@dataclass(frozen=True)
class Summary:
    """The end of an operation: how many resources had what done to them, unchanged ones included."""

    changes: Mapping[Op, int]
    seconds: float


EngineEvent = ResourceStarted | ResourceDone | ResourceFailed | Diagnostic | Progress | Download | Summary
OnEvent = Callable[[EngineEvent], None]

# The two halves of a replacement are reported apart, so the logical `replace` between them would count it twice.
_OPS: Mapping[str, Op] = {
    "same": Op.SAME,
    "create": Op.CREATE,
    "create-replacement": Op.REPLACE,
    "update": Op.UPDATE,
    "delete": Op.DELETE,
    "delete-replaced": Op.DELETE,
    "read": Op.READ,
    "read-replacement": Op.READ,
    "refresh": Op.REFRESH,
    "discard": Op.FORGET,
    "discard-replaced": Op.FORGET,
    "remove-pending-replace": Op.FORGET,
    "import": Op.IMPORT,
    "import-replacement": Op.IMPORT,
}
_SUMMARY_OPS: Mapping[str, Op] = {**_OPS, "replace": Op.REPLACE}
_SEVERITIES = {
    "info": Severity.INFO,
    "info#err": Severity.INFO,
    "warning": Severity.WARNING,
    "error": Severity.ERROR,
}
_COLOUR = re.compile(r"<\{%.*?%\}>|\x1b\[[0-9;]*m")


@dataclass
class EventTranslator:
    """Turns one operation's raw events into ours, and remembers what the result is made of."""

    planned: int | None = None
    clock: Callable[[], float] = time.monotonic
    failed: list[ResourceFailed] = field(default_factory=list)
    errors: list[Diagnostic] = field(default_factory=list)
    summary: Summary | None = None
    outputs: Mapping[str, object] = field(default_factory=dict)
    physical: dict[Op, int] = field(default_factory=dict)
    """How many physical resources had what done to them; a replacement counts once."""
    _began: float = field(init=False)
    _running: dict[tuple[str, str], float] = field(default_factory=dict)
    _started: int = 0
    _done: int = 0

    def __post_init__(self) -> None:
        self._began = self.clock()

    def translate(self, raw: Mapping[str, Any]) -> list[EngineEvent]:
        """Translate one event of Pulumi's stream; what users have no use for becomes nothing."""
        translators: Mapping[str, Callable[[Mapping[str, Any]], list[EngineEvent]]] = {
            "resourcePreEvent": self._start,
            "resOutputsEvent": self._succeed,
            "resOpFailedEvent": self._fail,
            "diagnosticEvent": self._diagnose,
            "progressEvent": _download,
            "summaryEvent": self._summarise,
        }
        return next((translators[kind](raw[kind]) for kind in translators if kind in raw), [])

    def _start(self, raw: Mapping[str, Any]) -> list[EngineEvent]:
        metadata = raw["metadata"]
        op = _OPS.get(metadata["op"])
        key = (metadata["urn"], metadata["op"])
        # Providers are Pulumi's own bookkeeping, and its summaries don't count them either.
        if op is None or key in self._running or metadata["type"].startswith(PROVIDER_PREFIX):
            return []
        self._running[key] = self.clock()
        self._started += 1
        return [ResourceStarted(*_identity(metadata), op), self._progress()]

    def _succeed(self, raw: Mapping[str, Any]) -> list[EngineEvent]:
        metadata = raw["metadata"]
        if metadata["type"] == STACK_TYPE and metadata.get("new"):
            self.outputs = mask_secrets(metadata["new"].get("outputs") or {})
        return self._finish(metadata, ResourceDone)

    def _fail(self, raw: Mapping[str, Any]) -> list[EngineEvent]:
        events = self._finish(raw["metadata"], ResourceFailed)
        self.failed += [event for event in events if isinstance(event, ResourceFailed)]
        return events

    def _finish(self, metadata: Mapping[str, Any], outcome: type[ResourceDone | ResourceFailed]) -> list[EngineEvent]:
        # A refresh starts as `refresh` and is reported done as what it found.
        urn, op_name = metadata["urn"], metadata["op"]
        key = (urn, op_name) if (urn, op_name) in self._running else (urn, "refresh")
        started = self._running.pop(key, None)
        op = _OPS.get(op_name)
        if op is None or started is None:
            return []
        self._done += 1
        return [outcome(*_identity(metadata), op, self.clock() - started), self._progress()]

    def _progress(self) -> Progress:
        return Progress(max(self.planned or 0, self._started), self._done)

    def _diagnose(self, raw: Mapping[str, Any]) -> list[EngineEvent]:
        severity = _SEVERITIES.get(raw["severity"])
        message = plain_text(raw["message"])
        if severity is None or not message:
            return []
        event = Diagnostic(severity, message, raw.get("urn", ""))
        if severity is Severity.ERROR:
            self.errors.append(event)
        return [event]

    def _summarise(self, raw: Mapping[str, Any]) -> list[EngineEvent]:
        self.summary = Summary(count_changes(raw["resourceChanges"] or {}), self.clock() - self._began)
        return [self.summary]


def count_changes(raw: Mapping[str, int]) -> Mapping[Op, int]:
    """Count by our operations; the halves of a replacement are left out in favour of the whole."""
    changes: dict[Op, int] = {}
    for name, count in raw.items():
        op = _SUMMARY_OPS.get(name)
        if op is None or name in ("create-replacement", "delete-replaced"):
            continue
        changes[op] = changes.get(op, 0) + count
    return changes


def mask_secrets(value: Any) -> Any:
    """Copy a value of Pulumi's wire format with every secret replaced by `[secret]`."""
    if is_secret(value):
        return MASK
    if isinstance(value, dict):
        return {key: mask_secrets(item) for key, item in value.items()}
    if isinstance(value, list):
        return [mask_secrets(item) for item in value]
    return value


def is_secret(value: object) -> bool:
    key, mark = SECRET_MARK
    return isinstance(value, dict) and value.get(key) == mark


def plain_text(message: str) -> str:
    """Strip Pulumi's colour tags and terminal escapes."""
    return _COLOUR.sub("", message).strip()


def resource_name(urn: str) -> str:
    return urn.rpartition("::")[2]


def _is_physical(metadata: Mapping[str, Any]) -> bool:
    state = metadata.get("new") or metadata.get("old") or {}
    return bool(state.get("custom")) and not metadata["type"].startswith(PROVIDER_PREFIX)


def _identity(metadata: Mapping[str, Any]) -> tuple[str, str, str]:
    return metadata["urn"], metadata["type"], resource_name(metadata["urn"])


def _download(raw: Mapping[str, Any]) -> list[EngineEvent]:
    event = Download(
        name=str(raw.get("message") or raw.get("id", "")),
        received=int(raw.get("received", 0)),
        total=max(int(raw.get("total", 0)), 0),
        done=bool(raw.get("done")),
    )
    return [event]

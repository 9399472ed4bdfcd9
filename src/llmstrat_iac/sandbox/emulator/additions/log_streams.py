"""FilterLogEvents with `logStreamNamePrefix`, which upstream ignores: one job's log would be every job's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmstrat_iac.sandbox.emulator.additions.registry import Addition, Seam, wrap

_LOGS = "ministack.services.cloudwatch_logs"
# Upstream takes an empty list for all streams, and skips one that isn't there.
_NONE = "\0"


def _install() -> None:
    wrap(_LOGS, "_filter_log_events", _by_prefix)


def _by_prefix(original: Callable[..., Any]) -> Callable[..., Any]:
    def filter_log_events(data: Any) -> Any:
        from ministack.services import cloudwatch_logs as logs

        prefix = data.get("logStreamNamePrefix")
        if not prefix or data.get("logStreamNames"):
            return original(data)
        streams = (logs._log_groups.get(logs._resolve_log_group_name(data)) or {}).get("streams") or {}
        return original({**data, "logStreamNames": [name for name in streams if name.startswith(prefix)] or [_NONE]})

    return filter_log_events


ADDITION = Addition(
    name="log-streams",
    why="FilterLogEvents ignores the prefix of streams",
    since="1.5.33",
    before="1.6",
    seams=(Seam(_LOGS, "_filter_log_events", ("data",)), Seam(_LOGS, "_resolve_log_group_name", ("data",))),
    install=_install,
)

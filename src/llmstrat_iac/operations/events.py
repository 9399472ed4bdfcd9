"""Tells plugins what happens to a stack. A plugin that fails is named in a warning and stops nothing."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime

from llmstrat_iac.hookspecs import ResolvedSpec, StackEvent
from llmstrat_iac.plugins import create_registry


def announce(resolved: ResolvedSpec, kind: str, detail: str = "") -> None:
    """Send an event to every enabled plugin's `llmstrat_event`."""
    spec = resolved.spec
    event = StackEvent(kind, resolved.stack_name, resolved.strategy.name, spec.owner, datetime.now(UTC), detail)
    for implementation in create_registry(spec.plugins).hook.llmstrat_event.get_hookimpls():
        try:
            implementation.function(event)
        except Exception as error:
            message = f"the plugin `{implementation.plugin_name}` failed in `llmstrat_event`: {error}"
            warnings.warn(message, RuntimeWarning, stacklevel=2)

"""How a stack's own fleet is, as its runtime finds out."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.open_model import FleetHealth


def fleet_health(resolved: ResolvedSpec, outputs: Mapping[str, object], session: AwsSession) -> FleetHealth | None:
    """Ask about the fleet that the last `up` has made; None if it made none."""
    serving = resolved.open_model.serving if resolved.open_model else None
    fleet = outputs.get("fleet")
    if serving is None or not isinstance(fleet, Mapping):
        return None
    from botocore.exceptions import BotoCoreError, ClientError

    module, _, function = serving.runtime.health.partition(":")
    try:
        health: FleetHealth = getattr(import_module(module), function)(fleet, session)
    except (BotoCoreError, ClientError) as error:
        return FleetHealth("unknown", well=False, problems=(f"AWS can't be asked: {error}",))
    return health

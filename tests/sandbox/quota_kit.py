"""Setting the emulator's quotas and throttling, through its own control call."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox_kit import post


def set_quotas(emulator_url: str, values: Mapping[str, float], *, throttle: int = 0) -> None:
    """Set quotas by code or name (none: back to the defaults), and throttle the next calls of the API."""
    asked = {"quotas": dict(values), "throttle": throttle}
    answer = post(emulator_url, asked, x_amz_target="LlmstratSandbox.SetQuotas")
    assert answer.status == 200, answer.data

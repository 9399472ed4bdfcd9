"""What gateways and tuning need and ministack lacks: a register of small additions, each with its reason and versions.

An addition wraps named functions of upstream. Their signatures are checked before anything is replaced, so an upstream
that has moved on is a clear error and never a silent half. `tests/sandbox/emulator` proves for each that plain
ministack still has the gap: when that test fails, upstream has caught up and the addition must go.
"""

from __future__ import annotations

from importlib.metadata import version

from llmstrat_iac.sandbox.emulator.additions import (
    access_log,
    application_autoscaling,
    authorizer_key,
    bedrock_tuning,
    capacity,
    cloud_control,
    compute,
    container_images,
    exchange,
    fsx,
    gateway_updates,
    iam_authorization,
    lambda_streaming,
    log_patterns,
    log_streams,
    private_integration,
    request_identity,
    sagemaker,
    schedules,
    service_quotas,
    transfer_mode,
    vpc_links,
)
from llmstrat_iac.sandbox.emulator.additions.registry import Addition

ADDITIONS: tuple[Addition, ...] = (
    exchange.ADDITION,
    request_identity.ADDITION,
    authorizer_key.ADDITION,
    transfer_mode.ADDITION,
    lambda_streaming.ADDITION,
    vpc_links.ADDITION,
    private_integration.ADDITION,
    iam_authorization.ADDITION,
    access_log.ADDITION,
    log_patterns.ADDITION,
    log_streams.ADDITION,
    *gateway_updates.ADDITIONS,
    *bedrock_tuning.ADDITIONS,
    sagemaker.ADDITION,
    service_quotas.ADDITION,
    application_autoscaling.ADDITION,
    cloud_control.ADDITION,
    container_images.ADDITION,
    *compute.ADDITIONS,
    capacity.ADDITION,
    fsx.ADDITION,
    schedules.ADDITION,
)


def install_all() -> None:
    """Check every addition against the installed ministack, then install them in order."""
    installed = version("ministack")
    for addition in ADDITIONS:
        addition.check(installed)
    for addition in ADDITIONS:
        addition.install()

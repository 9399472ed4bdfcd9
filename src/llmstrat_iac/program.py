"""The Pulumi program of every strategy, with its two doors.

`run(context)` is what `llmstrat up` gives to the engine; `run_from_config()` is what `stacks/<strategy>/__main__.py`
calls for plain `pulumi up`. Both register the same resources. Neither asks whether the target is AWS or the sandbox.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from llmstrat_iac.errors import CredentialError, LlmstratError
from llmstrat_iac.hookspecs import ProgramContext, ResolvedSpec
from llmstrat_iac.open_model import MODEL_SECRET
from llmstrat_iac.planner.load import load_spec
from llmstrat_iac.spec.moments import round_up_to_hour
from llmstrat_iac.spec.providers import Credentials
from llmstrat_iac.spec.units import TimeToLive
from llmstrat_iac.target import Target
from llmstrat_iac.tuning import TUNING_SECRET

PROJECT = "llmstrat"
"""The Pulumi project of every strategy's stacks: a spec that moves to another strategy updates the stack that it has,
so that the endpoint keeps its URL and the consumers keep their keys."""


_STACK_FRAMES = 4
"""Fewer than from a resource's constructor down to where Pulumi looks: it then finds no caller and stores nothing."""


def run(context: ProgramContext) -> None:
    """Run the strategy's program in the current Pulumi stack."""
    module, _, function = context.resolved.strategy.program.partition(":")
    program = getattr(import_module(module), function)
    with _no_stack_traces():
        program(context)


def run_from_config() -> None:
    """Run the program of the spec that the Pulumi configuration names.

    `spec` is a path, relative to the project's folder; `expires` (ISO 8601) is when the stack's TTL ends, by default
    the TTL from now, rounded up to the hour. With a job in the spec, `retry` starts a job that has failed anew and
    `deploy` serves a model whose spec says `deploy: manual`. What the user can fix is raised as `pulumi.RunError`.
    """
    import pulumi

    config = pulumi.Config()
    try:
        context = _context(config.require("spec"), config.get("expires"), pulumi.get_stack())
        if context.resolved.job is not None:
            context = with_job_state(
                context, retry=config.get_bool("retry") or False, deploy=config.get_bool("deploy") or False
            )
        run(context)
    except LlmstratError as error:
        # Pulumi shows the text of a RunError only, of anything else a traceback.
        raise pulumi.RunError(str(error)) from error


def _context(spec: str, expires: str | None, stack: str) -> ProgramContext:
    resolved = load_spec(Path(spec))
    _check_stack_name(resolved, stack)
    target = Target.from_environment(os.environ)
    return ProgramContext(
        resolved=resolved,
        target=target,
        expires=expiry_from_config(expires, resolved.spec.limits.ttl, target.now()),
        secrets=secrets_from_environment(resolved, os.environ),
    )


def with_job_state(context: ProgramContext, *, retry: bool = False, deploy: bool = False) -> ProgramContext:
    """The context with what S3 says about the dataset, and whoever runs them about the stack's jobs."""
    import boto3

    from llmstrat_iac.components.tuning.state import read_state, with_fingerprints

    session = boto3.Session(region_name=context.resolved.spec.region)
    resolved = with_fingerprints(context.resolved, session)
    state = read_state(resolved, session, context.target, context.secrets, retry=retry, deploy=deploy)
    return replace(context, resolved=resolved, tuning=state)


@contextmanager
def _no_stack_traces() -> Iterator[None]:
    """Keep Pulumi from storing the Python call stack with every resource.

    It would be two thirds of the state, which Pulumi writes anew after every step, and would put the paths of whoever
    ran `up` into a state that a team shares. Pulumi has no switch; Python's own limit for stacks does it.
    """
    before = getattr(sys, "tracebacklimit", None)
    sys.tracebacklimit = _STACK_FRAMES
    try:
        yield
    finally:
        if before is None:
            del sys.tracebacklimit
        else:
            sys.tracebacklimit = before


def secrets_from_environment(resolved: ResolvedSpec, environment: Mapping[str, str]) -> dict[str, str]:
    """Every key and token that the spec takes from the environment, by `ProgramContext.secrets`' names.

    CredentialError if one is missing.
    """
    secrets = {}
    for name, path, credentials in _credentials(resolved):
        variable = credentials.variable if credentials else None
        if variable is None:
            continue
        value = environment.get(variable, "").strip()
        if not value:
            raise CredentialError(
                f"{path}: the environment variable `{variable}` is not set",
                remedy=f"export {variable}=…, or name an existing Secrets Manager secret in the spec",
            )
        secrets[name] = value
    return secrets


def _credentials(resolved: ResolvedSpec) -> Iterator[tuple[str, str, Credentials | None]]:
    for name, provider in resolved.providers.items():
        yield name, f"providers.{name}.credentials", provider.entry.credentials
    if resolved.tuning is not None:
        yield TUNING_SECRET, TUNING_SECRET, resolved.tuning.block.credentials
    if resolved.pretraining is not None:
        yield MODEL_SECRET, "tokenizer.token", resolved.pretraining.tokenizer.token
    elif resolved.open_model is not None:
        yield MODEL_SECRET, MODEL_SECRET, resolved.open_model.model.block.token


def expiry_from_config(configured: str | None, ttl: TimeToLive, now: datetime) -> datetime | None:
    """When the stack expires: the configured time, else the TTL from `now`, up to the full hour; None for `never`."""
    if ttl.duration is None:
        return None
    if configured is None:
        return round_up_to_hour(now + ttl.duration)
    try:
        expires = datetime.fromisoformat(configured)
    except ValueError as error:
        raise LlmstratError(
            f"the configuration value `expires` is no time: `{configured}`", remedy="write 2026-12-01T18:00:00Z"
        ) from error
    expires = expires if expires.tzinfo else expires.replace(tzinfo=UTC)
    if expires <= now:
        raise LlmstratError(
            f"the configuration value `expires` is in the past: `{configured}`",
            remedy="`pulumi config rm expires` to count the spec's TTL from now, or set a later time",
        )
    return expires


def _check_stack_name(resolved: ResolvedSpec, stack: str) -> None:
    """Names and tags come from the spec, so another stack with the same spec would fight over the same resources."""
    if stack != resolved.stack_name:
        raise LlmstratError(
            f"the Pulumi stack is called `{stack}`, but the spec makes `{resolved.stack_name}`",
            remedy=f"pulumi stack select --create {resolved.stack_name}",
        )

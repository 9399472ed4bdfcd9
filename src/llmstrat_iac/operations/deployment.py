"""A spec bound to a target and an engine: what `up`, `down`, `status` and the others work with.

The environment decides the target (AWS, or what the sandbox put in its place); nothing here asks which it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from llmstrat_iac.engine.backends import choose_backend
from llmstrat_iac.engine.failures import StackNotFoundError
from llmstrat_iac.engine.locate import find_cli
from llmstrat_iac.engine.results import Snapshot
from llmstrat_iac.engine.stack import Engine, Stack
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import AwsSession, ProgramContext, ResolvedSpec
from llmstrat_iac.operations.expiry import expiry
from llmstrat_iac.plan import Total
from llmstrat_iac.planner.plan import build_plan
from llmstrat_iac.plugins import create_registry
from llmstrat_iac.program import PROJECT, run
from llmstrat_iac.spec.common import Backend as BackendBlock
from llmstrat_iac.spec.moments import parse_moment
from llmstrat_iac.target import Target
from llmstrat_iac.tuning import TuningState


@dataclass(frozen=True)
class Deployment:
    """One spec on one target."""

    resolved: ResolvedSpec
    engine: Engine
    target: Target

    @property
    def name(self) -> str:
        """The stack's name, `name-environment`."""
        return self.resolved.stack_name

    def context(
        self, *, expires: datetime | None, secrets: Mapping[str, str], tuning: TuningState | None = None
    ) -> ProgramContext:
        """What the strategy's program is run with."""
        return ProgramContext(self.resolved, self.target, expires, secrets, tuning)

    def stack(self, context: ProgramContext | None = None) -> Stack:
        """The engine's handle; without a context it can do all but `preview` and `up`."""
        if context is None:
            return self.engine.stack(PROJECT, self.name)
        return self.engine.stack(PROJECT, self.name, partial(run, context))

    def snapshot(self, *, show_secrets: bool = False) -> Snapshot | None:
        """The recorded state, or None if the stack doesn't exist."""
        try:
            return self.stack().snapshot(show_secrets=show_secrets)
        except StackNotFoundError:
            return None

    def require_snapshot(self, *, show_secrets: bool = False) -> Snapshot:
        """The recorded state; LlmstratError if there is no stack yet."""
        snapshot = self.snapshot(show_secrets=show_secrets)
        if snapshot is None or not snapshot.resources:
            raise LlmstratError(f"there is no stack `{self.name}` here", remedy="run `llmstrat up` first")
        return snapshot

    def session(self) -> AwsSession:
        """AWS for preflight, sweep and logs."""
        return open_session(self.resolved.spec.region)


def open_deployment(resolved: ResolvedSpec, environment: Mapping[str, str]) -> Deployment:
    """Bind a spec to what the environment says."""
    engine = open_engine(environment, resolved.spec.backend)
    return Deployment(resolved, engine, Target.from_environment(environment))


def open_engine(environment: Mapping[str, str], backend: BackendBlock | None = None) -> Engine:
    """The Pulumi engine on the backend of the environment, of the spec, or the local one."""
    url = backend.url if backend else None
    chosen = choose_backend(
        environment,
        url=None if url == "login" else url,
        secrets_provider=backend.secrets_provider if backend else None,
        use_login=url == "login",
    )
    return Engine(find_cli(environment), chosen, environment)


def open_session(region: str) -> AwsSession:
    """A boto3 session for the current process's environment (`AWS_ENDPOINT_URL` included)."""
    import boto3
    from botocore.config import Config
    from botocore.session import get_session

    botocore_session = get_session()
    # Control planes throttle early: Service Quotas takes 5 calls a second, API Gateway a DeleteRestApi in 30 s.
    botocore_session.set_default_client_config(Config(retries={"mode": "standard", "max_attempts": 8}))
    session: AwsSession = boto3.Session(region_name=region, botocore_session=botocore_session)
    return session


def planned_costs(resolved: ResolvedSpec) -> tuple[float | None, Total | None]:
    """The plan's fixed costs a month, None if a price isn't known; and those of one job, if it has any."""
    plan = build_plan(resolved, create_registry(resolved.spec.plugins), now=datetime.now(UTC), read_files=False)
    fixed = None if plan.fixed_month.unknown else plan.fixed_month.usd
    return fixed, None if plan.once == Total(0.0) else plan.once


def has_expired(snapshot: Snapshot, now: datetime) -> bool:
    """Whether the stack's time to live was over before this command."""
    expires = parse_moment(str(snapshot.outputs.values.get("expires")))
    return expires is not None and expires <= now


def next_expiry(deployment: Deployment, snapshot: Snapshot | None, *, now: datetime, renew: bool) -> datetime | None:
    """The expiry of this `up`: that of the last one, unless there is a reason to move it."""
    values: Mapping[str, object] = snapshot.outputs.values if snapshot else {}
    previous, previous_ttl = values.get("expires"), values.get("ttl")
    return expiry(
        deployment.resolved.spec.limits.ttl,
        now=now,
        previous=parse_moment(str(previous)),
        previous_ttl=None if previous_ttl is None else str(previous_ttl),
        renew=renew,
    )

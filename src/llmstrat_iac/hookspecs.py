"""The plugin contract: six hooks and the records they yield.

A plugin is a module or package that pluggy registers: the built-in ones by dotted name, third parties' by the entry
point group `llmstrat_iac`. Hooks yield named records; the name is what users write in the spec. Records hold the light
half of a plugin (options, prices, checks) as objects and the heavy half (anything that imports pulumi or boto3) as
`package.module:function`, so that `plan` stays fast and pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

from llmstrat_iac.catalog.models import ModelInfo
from llmstrat_iac.open_model import ResolvedOpenModel
from llmstrat_iac.open_model import Runtime as Runtime  # noqa: PLC0414 - plugins take it from here
from llmstrat_iac.plan import Finding, Plan, StackPlan
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.pretraining import Trainer as Trainer  # noqa: PLC0414 - plugins take it from here
from llmstrat_iac.spec.common import StrategySpec
from llmstrat_iac.spec.providers import ProviderEntry
from llmstrat_iac.target import Target
from llmstrat_iac.tuning import ManagedJob, ResolvedTuning, TuningState

if TYPE_CHECKING:
    from pydantic import BaseModel

PROJECT_NAME = "llmstrat_iac"
hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)


@dataclass(frozen=True)
class Upstream:
    """How the relay reaches a model vendor."""

    wire: str
    """`openai` (any OpenAI-compatible API), `bedrock-converse`, or `sagemaker` (OpenAI's format, in a call of an
    endpoint)."""
    base_url: Any
    """URL up to and including the version, without a trailing slash, a string or a `pulumi.Output` of one; None for the
    AWS SDK's own endpoint. With `sagemaker`, up to and including `/endpoints/NAME`."""
    auth: str
    """`bearer` (an API key from Secrets Manager), `google` (a service account's key from there, or an access token) or
    `sigv4` (the relay's role: to Bedrock, to a SageMaker endpoint, or to an API Gateway path that asks for IAM)."""


@dataclass(frozen=True)
class IamStatement:
    """A permission that the relay needs to call a provider."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    """ARNs; `{partition}`, `{region}` and `{account}` are filled in by the program."""
    reason: str


@dataclass(frozen=True)
class Provider:
    """A closed LLM API."""

    name: str
    title: str
    options: type[BaseModel]
    """Model of the provider entry's `options:` block."""
    models: Callable[[], Iterable[ModelInfo]]
    """Known models with prices and lifecycle; unknown ones are allowed with a warning."""
    upstream: Callable[[Any, str], Upstream]
    """(options, region) to the way the relay reaches the vendor."""
    inside_account: bool
    """Whether prompts stay within the AWS account's boundary (Bedrock does, a vendor's public API doesn't)."""
    secret_variable: str | None
    """Environment variable that customarily holds the API key; None if the provider needs no key."""
    permissions: Callable[[Iterable[str]], Iterable[IamStatement]] = lambda _models: ()
    """Model ids to the IAM statements that the relay needs."""
    tuning: str | None = None
    """`package.module:object` of the provider's managed fine-tuning, a `llmstrat_iac.tuning.Tuning`; None if none."""
    serves: bool = True
    """Whether its models can be listed under `providers:`; not if it only tunes."""


@dataclass(frozen=True)
class ServedModel:
    """How the gateway reaches a tuned model: what `Tuning.program` returns."""

    model: Any
    """Id that the vendor answers to, a string or a `pulumi.Output` of one."""
    upstream: Upstream
    permissions: tuple[IamStatement, ...] = ()
    """Resources may be `pulumi.Output`s."""
    usd_per_mtok_input: float | None = None
    usd_per_mtok_output: float | None = None


@dataclass(frozen=True)
class ResolvedProvider:
    """A provider entry of the spec with its plugin and its validated options."""

    entry: ProviderEntry
    provider: Provider
    options: Any


@dataclass(frozen=True)
class ResolvedSpec:
    """A valid spec together with the plugins that it names."""

    spec: StrategySpec
    strategy: Strategy
    providers: Mapping[str, ResolvedProvider] = field(default_factory=dict)
    open_model: ResolvedOpenModel | None = None
    """The `model:`, `training:` and `serving:` blocks of `open-model`; None for other strategies."""
    tuning: ResolvedTuning | None = None
    """The `tuning:` block of `closed-api-tuned`; None for other strategies."""
    tuning_provider: Provider | None = None
    """The provider that `tuning.provider` names."""

    pretraining: ResolvedPretraining | None = None
    """The blocks of `from-scratch`; None for other strategies. `open_model` is then its `serving:`, if it has one."""

    @property
    def job(self) -> ManagedJob | None:
        """The job that makes the stack's own model, whoever runs it; None if the spec asks for none."""
        return self.tuning or self.pretraining or (self.open_model.training if self.open_model else None)

    @property
    def runtimes(self) -> tuple[Runtime, ...]:
        """The runtimes that the spec names, each once."""
        parts = (self.open_model.training, self.open_model.serving) if self.open_model else ()
        used = (part.runtime for part in (*parts, self.pretraining) if part is not None)
        return tuple({runtime.name: runtime for runtime in used}.values())

    @property
    def sweeps(self) -> tuple[str, ...]:
        """Of the tuning vendor and the runtimes that the spec names, each once."""
        vendor = [self.tuning.tuning.sweep] if self.tuning else []
        return tuple(dict.fromkeys([*vendor, *(runtime.sweep for runtime in self.runtimes)]))

    @property
    def permissions(self) -> tuple[str, ...]:
        """Where the runtimes say what deploying them takes."""
        return tuple(runtime.permissions for runtime in self.runtimes)

    @property
    def stack_name(self) -> str:
        """`name-environment`: the Pulumi stack, and the prefix and tag of every resource."""
        return f"{self.spec.name}-{self.spec.environment}"


@dataclass(frozen=True)
class ProgramContext:
    """What a strategy's program gets: it registers resources and exports outputs, nothing else."""

    resolved: ResolvedSpec
    target: Target
    expires: datetime | None
    """When the stack's TTL ends (UTC); None for a TTL of `never`."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Provider name to API key, for those that the spec takes from the environment; `tuning.TUNING_SECRET` to the
    key of the tuning, if it isn't a provider's; `open_model.MODEL_SECRET` to the token for the model's weights."""
    tuning: TuningState | None = None
    """The stack's tuning jobs, read from the vendor before the program runs; None for other strategies."""


class AwsSession(Protocol):
    """The part of `boto3.Session` that preflight and sweep use."""

    def client(self, service_name: str) -> Any:
        """A boto3 client for the target."""


@dataclass(frozen=True)
class Leftover:
    """Something of the stack that still exists after the destroy."""

    type: str
    id: str
    detail: str
    billed: bool
    removed: bool
    """Whether the sweep removed it."""


@dataclass(frozen=True)
class Strategy:
    """One of the ways to use an LLM: A to D, or a third party's."""

    name: str
    letter: str | None
    title: str
    summary: str
    control: int
    complexity: int
    """Both from 1 (least) to 4 (most)."""
    fits: str
    pros: tuple[str, ...]
    cons: tuple[str, ...]
    example: str
    """Path of an example spec below `examples/`."""
    spec: type[StrategySpec]
    """Model of the whole file for this strategy."""
    plan: Callable[[ResolvedSpec], StackPlan]
    """Pure: no network, no credentials, no engine."""
    program: str
    """`package.module:function(ProgramContext) -> None`, imported by the engine only."""
    preflight: str
    """`package.module:function(ResolvedSpec, AwsSession) -> Iterable[Finding]`; asks AWS, read-only."""
    sweep: str
    """`package.module:function(stack_name: str, AwsSession, *, remove: bool) -> Iterable[Leftover]`; finds, and
    removes, what is left of a stack, independent of Pulumi's state."""
    cost_drivers: tuple[str, ...] = ()
    """What the bill grows with, in words."""


@dataclass(frozen=True)
class Fleet:
    """How the gateway reaches the models that a runtime serves: what `Runtime.serve` returns."""

    upstream: Upstream
    """`base_url` may be a `pulumi.Output`."""
    permissions: tuple[IamStatement, ...]
    """What the relay needs to call it; resources may be `pulumi.Output`s."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """What `status`, `logs` and others need to find it: names, never secrets."""
    kept: tuple[Any, ...] = ()
    """What a destroy leaves on purpose, in words."""


@dataclass(frozen=True)
class StackEvent:
    """Something happened to a stack: sent to `llmstrat_event`."""

    kind: str
    """`up.started`, `up.done`, `up.failed`, `down.started`, `down.done`, `down.failed` or `keys.rotated`."""
    stack: str
    strategy: str
    owner: str
    at: datetime
    detail: str = ""


@hookspec
def llmstrat_strategies() -> Iterable[Strategy]:  # type: ignore[empty-body]
    """Yield strategies. Called once, when plugins are loaded."""


@hookspec
def llmstrat_providers() -> Iterable[Provider]:  # type: ignore[empty-body]
    """Yield providers of closed models. Called once, when plugins are loaded."""


@hookspec
def llmstrat_runtimes() -> Iterable[Runtime]:  # type: ignore[empty-body]
    """Yield runtimes for open models. Called once, when plugins are loaded."""


@hookspec
def llmstrat_trainers() -> Iterable[Trainer]:  # type: ignore[empty-body]
    """Yield trainers for clusters. Called once, when plugins are loaded."""


@hookspec
def llmstrat_check(resolved: ResolvedSpec, plan: Plan, now: datetime) -> Iterable[Finding]:  # type: ignore[empty-body]
    """Yield governance findings. Called by `plan` and before `up`; must be pure."""


@hookspec
def llmstrat_event(event: StackEvent) -> None:
    """React to a stack's event (notify, record). Called by `up`, `down` and `keys`; must not raise."""

"""The plan of strategy A: which resources the gateway registers, what they cost, what the models cost.

Pure and light: it must not import the component, which needs pulumi; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.plan import PlannedResource, StackPlan, TokenPrice
from llmstrat_iac.spec.common import Endpoint, StrategySpec
from llmstrat_iac.spec.providers import GatewaySpec, ProvidersBlock
from llmstrat_iac.strategies.closed_api.costs import fixed_costs, load_costs, size, token_prices

ALARMS = 3
_ERROR_SHAPES = 8


def plan_stack(resolved: ResolvedSpec) -> StackPlan:
    """Outline, costs, token prices and sizing of a gateway."""
    spec = resolved.spec
    assert isinstance(spec, GatewaySpec), "validated by the strategy's own model"
    prices = token_prices(resolved)
    return plan_gateway(spec, spec.endpoint, prices, secrets=uploaded_secrets(spec))


def plan_gateway(spec: StrategySpec, endpoint: Endpoint, prices: tuple[TokenPrice, ...], *, secrets: int) -> StackPlan:
    """The gateway's part of any strategy's plan; `secrets` is how many keys it uploads."""
    return StackPlan(
        resources=tuple(resource for resource in _resources(spec, endpoint, secrets) if resource.count),
        costs=(*fixed_costs(spec.region, secrets=secrets, alarms=ALARMS), *load_costs(spec.region, endpoint, prices)),
        token_prices=prices,
        sizing=size(endpoint, prices),
    )


def uploaded_secrets(spec: ProvidersBlock) -> int:
    """How many keys of `providers:` come from the environment."""
    return sum(1 for each in spec.providers if each.credentials is not None and each.credentials.variable is not None)


def merged(resources: Iterable[PlannedResource]) -> Iterator[PlannedResource]:
    """One entry a type: the gateway and what a strategy adds both have roles."""
    by_type: dict[str, list[PlannedResource]] = {}
    for resource in resources:
        by_type.setdefault(resource.type, []).append(resource)
    for kind, same in by_type.items():
        yield PlannedResource(kind, sum(each.count for each in same), "; ".join(each.purpose for each in same))


def _resources(spec: StrategySpec, endpoint: Endpoint, secrets: int) -> Iterator[PlannedResource]:
    expires = 1 if spec.limits.ttl.duration else 0
    yield PlannedResource("pulumi:providers:aws", 1, "region and tags of everything below")
    yield PlannedResource("llmstrat:gateway:Gateway", 1, "the component that owns everything below")
    yield from _api()
    yield PlannedResource("pulumi-python:dynamic/llmstrat:KeySeed", 1, "what consumers' keys are derived from")
    yield PlannedResource("pulumi-python:dynamic/llmstrat:ConsumerKeys", 1, "the keys, each in a usage plan")
    yield PlannedResource(
        "aws:apigateway/usagePlan:UsagePlan", _tiers(endpoint), "rate and quota, one for equal limits"
    )
    yield PlannedResource("aws:lambda/function:Function", 2, "relay and authorizer")
    yield PlannedResource("aws:lambda/permission:Permission", 2, "let the API call them")
    yield PlannedResource("aws:iam/role:Role", 2 + expires, "one for each function and for the expiry")
    yield PlannedResource("aws:iam/rolePolicy:RolePolicy", 2 + expires, "exactly what each role needs")
    yield PlannedResource("aws:dynamodb/table:Table", _budget_table(endpoint), "consumers' token budgets")
    yield PlannedResource("aws:secretsmanager/secret:Secret", secrets, "vendors' API keys")
    yield PlannedResource("aws:secretsmanager/secretVersion:SecretVersion", secrets, "their values, uploaded at `up`")
    yield PlannedResource("aws:cloudwatch/logGroup:LogGroup", 3, "usage, access and authorizer logs")
    yield PlannedResource("aws:cloudwatch/metricAlarm:MetricAlarm", ALARMS, "errors and throttling")
    yield PlannedResource("aws:sns/topic:Topic", 1, "where alarms go")
    yield PlannedResource("aws:sns/topicSubscription:TopicSubscription", 1, "the owner's e-mail")
    yield PlannedResource("aws:budgets/budget:Budget", 1 if spec.limits.monthly_usd else 0, "warns of what AWS bills")
    yield PlannedResource("aws:scheduler/scheduleGroup:ScheduleGroup", expires, "holds the schedule")
    yield PlannedResource("aws:scheduler/schedule:Schedule", expires, "stops the relay when the TTL ends")


def _api() -> Iterator[PlannedResource]:
    yield PlannedResource("aws:apigateway/restApi:RestApi", 1, "the endpoint")
    yield PlannedResource("aws:apigateway/authorizer:Authorizer", 1, "checks `Authorization: Bearer`")
    yield PlannedResource("aws:apigateway/resource:Resource", 6, "its paths")
    yield PlannedResource("aws:apigateway/method:Method", 5, "chat, completions, responses, embeddings, models")
    yield PlannedResource("aws:apigateway/integration:Integration", 5, "streaming calls of the relay")
    yield PlannedResource("aws:apigateway/response:Response", _ERROR_SHAPES, "errors in OpenAI's shape")
    yield PlannedResource("aws:apigateway/deployment:Deployment", 1, "a snapshot of the API")
    yield PlannedResource("aws:apigateway/stage:Stage", 1, "where the snapshot is served")
    yield PlannedResource("aws:apigateway/methodSettings:MethodSettings", 1, "metrics on, prompts never logged")
    yield PlannedResource("pulumi-python:dynamic/llmstrat:AccountLogRole", 1, "account-wide; adopted, never deleted")


def _tiers(endpoint: Endpoint) -> int:
    return len(
        {(each.requests_per_second, each.effective_burst, each.requests_per_month) for each in endpoint.consumers}
    )


def _budget_table(endpoint: Endpoint) -> int:
    return 1 if any(each.tokens_per_month is not None for each in endpoint.consumers) else 0

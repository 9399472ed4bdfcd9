"""The plan of strategy C: the gateway's as for A, the model's bucket, and the runtimes' parts with their instances.

The plan shows the stack as it is while the job runs and the fleet serves. What fits nowhere is a finding, no error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from llmstrat_iac.catalog.aws_prices import aws_price
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.open_model import BASE_SUFFIX, ResolvedOpenModel, ResolvedServing, ResolvedTraining
from llmstrat_iac.plan import (
    HOURS_A_MONTH,
    NO_INSTANCE,
    Basis,
    CostLine,
    PlannedResource,
    SizingLine,
    StackPlan,
    TokenPrice,
    total,
)
from llmstrat_iac.spec.fleet import FleetSpec
from llmstrat_iac.strategies.closed_api.costs import token_prices
from llmstrat_iac.strategies.closed_api.outline import merged, plan_gateway, uploaded_secrets
from llmstrat_iac.strategies.open_model.break_even import break_even_lines
from llmstrat_iac.strategies.open_model.findings import check_serving, check_training
from llmstrat_iac.strategies.open_model.fleet import Fleet, size_fleet
from llmstrat_iac.strategies.open_model.fleet_sizing import fleet_lines
from llmstrat_iac.strategies.open_model.spec import OpenModelSpec
from llmstrat_iac.strategies.open_model.training_plan import size_job
from llmstrat_iac.tuning.dataset_findings import check_data

_EMPTY = StackPlan(())
_Part = TypeVar("_Part", ResolvedTraining, ResolvedServing)


def plan_stack(resolved: ResolvedSpec) -> StackPlan:
    """Outline, costs, token prices, sizing and findings of a training, a fleet and a gateway."""
    spec, open_model = resolved.spec, resolved.open_model
    assert isinstance(spec, OpenModelSpec), "validated by the strategy's own model"
    assert open_model is not None, "resolved by the loader"
    prices = (*_fleet_prices(open_model), *token_prices(resolved))
    parts = [
        _plan_training(open_model.training) if open_model.training else _EMPTY,
        plan_fleet(resolved, open_model.serving, spec) if open_model.serving else _EMPTY,
        plan_gateway(spec, spec.endpoint, prices, secrets=uploaded_secrets(spec)) if spec.endpoint else _EMPTY,
    ]
    return StackPlan(
        resources=tuple(merged((*_own_resources(spec), *(each for part in parts for each in part.resources)))),
        costs=(*(each for part in parts for each in part.costs), *_own_costs(spec)),
        token_prices=prices,
        sizing=tuple(each for part in parts for each in part.sizing),
        findings=tuple(each for part in parts for each in part.findings),
    )


def _own_resources(spec: OpenModelSpec) -> Iterator[PlannedResource]:
    if spec.endpoint is None:
        yield PlannedResource("pulumi:providers:aws", 1, "region and tags of everything below")
        if spec.limits.monthly_usd is not None:
            yield PlannedResource("aws:budgets/budget:Budget", 1, "warns of what AWS bills")
    yield PlannedResource("llmstrat:openmodel:OpenModel", 1, "the component that owns model, training and fleet")
    yield PlannedResource("aws:s3/bucket:Bucket", 1, "data, checkpoints and models; private, encrypted")
    yield PlannedResource("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", 1, "keeps it private")
    yield PlannedResource(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", 1, "encrypts it"
    )
    if _uploads_token(spec):
        yield PlannedResource("aws:secretsmanager/secret:Secret", 1, "the model's token")
        yield PlannedResource("aws:secretsmanager/secretVersion:SecretVersion", 1, "its value, uploaded at `up`")


def _own_costs(spec: OpenModelSpec) -> Iterator[CostLine]:
    if _uploads_token(spec):
        price = aws_price("secretsmanager-secret", spec.region)
        item = "Secrets Manager: the model's token"
        yield CostLine(item, Basis.MONTH, 1, price.unit, price.usd, price.source, price.as_of)


def _uploads_token(spec: OpenModelSpec) -> bool:
    return spec.model.token is not None and spec.model.token.variable is not None


def _plan_training(training: ResolvedTraining) -> StackPlan:
    target = training.rules.name
    report, findings = check_data(training, "training.dataset", target)
    if report is None:
        # A dataset that couldn't be read would fail again below, without a finding.
        training = replace(training, reads_files=False)
    runtime = _unless_it_fits_nowhere(training.runtime.plan_training, training)
    job = size_job(training, report)
    if job:
        costs = (*job.costs(), *job.while_it_runs(runtime.costs))
    else:
        costs = (_no_instance("training", Basis.ONCE), *runtime.costs)
    more = (*job.findings(),) if job else ()
    return StackPlan(
        resources=runtime.resources,
        costs=costs,
        sizing=(*(job.sizing() if job else ()), *runtime.sizing),
        findings=(*findings, *check_training(training), *more, *runtime.findings),
    )


def plan_fleet(resolved: ResolvedSpec, serving: ResolvedServing, spec: FleetSpec) -> StackPlan:
    """The runtime's part with the instances, of a fleet for whatever model."""
    runtime = _unless_it_fits_nowhere(serving.runtime.plan_serving, serving)
    fleet = size_fleet(serving, spec.endpoint, set(spec.fleet_aliases))
    findings = (*check_serving(serving), *runtime.findings)
    beside = tuple(_outlives_ttl(line) for line in runtime.costs)
    if fleet is None:
        return replace(runtime, costs=(_no_instance("serving", Basis.HOUR), *beside), findings=findings)
    costs = (*fleet.costs(), *beside)
    return StackPlan(
        resources=runtime.resources,
        costs=costs,
        sizing=(*_in_words(resolved, fleet, costs), *runtime.sizing),
        findings=(*findings, *fleet.findings()),
    )


def _unless_it_fits_nowhere(plan: Callable[[_Part], StackPlan], part: _Part) -> StackPlan:
    """The runtime's part; one that needs an instance type has none to tell of if there is none."""
    try:
        return plan(part)
    except LlmstratError:
        if part.choice.best is not None:
            raise
        return _EMPTY


def _no_instance(part: str, basis: Basis) -> CostLine:
    """What fits nowhere costs nobody knows what, which isn't nothing."""
    return CostLine(f"{part}: {NO_INSTANCE}", basis, 1, "instance", None, "not in the catalogue", "")


def _outlives_ttl(line: CostLine) -> CostLine:
    """A TTL stops the instances. Balancer, NAT gateway and endpoints bill by the hour until `down`, so by the month."""
    if line.basis is not Basis.HOUR:
        return line
    return replace(line, basis=Basis.MONTH, quantity=line.quantity * HOURS_A_MONTH)


def _in_words(resolved: ResolvedSpec, fleet: Fleet, costs: tuple[CostLine, ...]) -> Iterator[SizingLine]:
    fixed = _known(line for line in costs if line.basis in (Basis.MONTH, Basis.HOUR))
    yield from fleet_lines(fleet, None if fixed is None else fixed / HOURS_A_MONTH, _known(costs))
    yield from break_even_lines(resolved, fleet, fixed)


def _known(lines: Iterable[CostLine]) -> float | None:
    """A month of all lines in US dollars; None if some price isn't known."""
    month = total(lines)
    return None if month.unknown else month.usd


def _fleet_prices(open_model: ResolvedOpenModel) -> Iterator[TokenPrice]:
    """Every alias of the fleet costs nothing by the token: its instances bill by the hour."""
    serving, training = open_model.serving, open_model.training
    if serving is None:
        return
    model = open_model.model
    if training is None:
        yield by_the_hour(serving, model.alias, model.block.id)
    else:
        yield by_the_hour(serving, model.alias, f"{model.block.id} (trained)")
        if training.makes_adapter:
            yield by_the_hour(serving, model.alias + BASE_SUFFIX, model.block.id)
    for adapter in serving.block.adapters:
        yield by_the_hour(serving, adapter.alias, adapter.source)


def by_the_hour(serving: ResolvedServing, alias: str, model: str) -> TokenPrice:
    """The price of a model that a fleet serves."""
    return TokenPrice(alias, serving.runtime.name, model, 0.0, 0.0, "billed by the hour of its instances", "")

"""The plan of strategy D: the cluster's part by its runtime, the run's cost and time, and gateway and fleet as in C.

The cluster comes first and the fleet when that is gone; the plan shows the costs of both, and of resources the larger
number. What can't be done is a finding, no error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from llmstrat_iac.catalog.aws_prices import aws_price
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.open_model import ResolvedServing
from llmstrat_iac.plan import Basis, CostLine, Finding, PlannedResource, Severity, StackPlan, TokenPrice
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.strategies.closed_api.costs import token_prices
from llmstrat_iac.strategies.closed_api.outline import merged, plan_gateway, uploaded_secrets
from llmstrat_iac.strategies.from_scratch.cluster_findings import check_cluster
from llmstrat_iac.strategies.from_scratch.model_findings import check_model
from llmstrat_iac.strategies.from_scratch.run_findings import check_run
from llmstrat_iac.strategies.from_scratch.run_plan import RunPlan
from llmstrat_iac.strategies.from_scratch.run_sizing import run_lines
from llmstrat_iac.strategies.from_scratch.spec import FromScratchSpec
from llmstrat_iac.strategies.open_model.outline import by_the_hour, plan_fleet

_EMPTY = StackPlan(())


def plan_stack(resolved: ResolvedSpec) -> StackPlan:
    """Outline, costs, token prices, sizing and findings of a cluster, a fleet and a gateway."""
    spec, pretraining = resolved.spec, resolved.pretraining
    assert isinstance(spec, FromScratchSpec), "validated by the strategy's own model"
    assert pretraining is not None, "resolved by the loader"
    serving = resolved.open_model.serving if resolved.open_model else None
    prices = (*_fleet_prices(serving), *token_prices(resolved))
    run = _plan_run(pretraining, spec)
    # A cluster that is only tested makes no model for a fleet.
    fleet = _plan_serving(resolved, serving, spec) if serving and not pretraining.gate_only else _EMPTY
    gateway = _EMPTY
    if spec.endpoint is not None:
        gateway = plan_gateway(spec, spec.endpoint, prices, secrets=uploaded_secrets(spec))
    parts = (run, fleet, gateway)
    one_after_the_other = _larger(merged(run.resources), merged(fleet.resources))
    return StackPlan(
        resources=tuple(merged((*_own_resources(spec), *one_after_the_other, *run.remaining, *gateway.resources))),
        costs=(*(each for part in parts for each in part.costs), *_own_costs(spec)),
        token_prices=prices,
        sizing=tuple(each for part in parts for each in part.sizing),
        findings=tuple(each for part in parts for each in part.findings),
    )


def _larger(cluster: Iterable[PlannedResource], fleet: Iterable[PlannedResource]) -> Iterator[PlannedResource]:
    """Of each type as many as there are at once: the cluster is gone when the fleet comes."""
    later = {each.type: each for each in fleet}
    for each in cluster:
        other = later.pop(each.type, None)
        if other is None:
            yield each
        else:
            purpose = f"{each.purpose}; then {other.purpose}"
            yield PlannedResource(each.type, max(each.count, other.count), purpose)
    yield from later.values()


def _own_resources(spec: FromScratchSpec) -> Iterator[PlannedResource]:
    if spec.endpoint is None:
        yield PlannedResource("pulumi:providers:aws", 1, "region and tags of everything below")
        if spec.limits.monthly_usd:
            yield PlannedResource("aws:budgets/budget:Budget", 1, "warns of what AWS bills")
    yield PlannedResource("llmstrat:fromscratch:FromScratch", 1, "the component that owns model, cluster and fleet")
    yield PlannedResource("aws:s3/bucket:Bucket", 1, "code, checkpoints and the model; private, encrypted")
    yield PlannedResource("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", 1, "keeps it private")
    yield PlannedResource(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", 1, "encrypts it"
    )
    if _uploads_token(spec):
        yield PlannedResource("aws:secretsmanager/secret:Secret", 1, "the hub's token")
        yield PlannedResource("aws:secretsmanager/secretVersion:SecretVersion", 1, "its value, uploaded at `up`")


def _own_costs(spec: FromScratchSpec) -> Iterator[CostLine]:
    if _uploads_token(spec):
        price = aws_price("secretsmanager-secret", spec.region)
        item = "Secrets Manager: the hub's token"
        yield CostLine(item, Basis.MONTH, 1, price.unit, price.usd, price.source, price.as_of)


def _uploads_token(spec: FromScratchSpec) -> bool:
    return spec.tokenizer.token is not None and spec.tokenizer.token.variable is not None


def _plan_run(pretraining: ResolvedPretraining, spec: FromScratchSpec) -> StackPlan:
    findings = (*check_model(pretraining), *check_cluster(pretraining))
    runtime = _runtime_plan(pretraining, refused=any(each.severity is Severity.ERROR for each in findings))
    if pretraining.search.best is None:
        return replace(runtime, findings=findings)
    run = RunPlan(pretraining, runtime.costs)
    return StackPlan(
        resources=runtime.resources,
        remaining=runtime.remaining,
        costs=tuple(run.costs()),
        sizing=(*run_lines(run), *runtime.sizing),
        findings=(*findings, *check_run(run, spec.limits), *runtime.findings),
    )


def _runtime_plan(pretraining: ResolvedPretraining, *, refused: bool) -> StackPlan:
    """The runtime's part; of a run that is refused anyway, what can be told of it, which may be nothing."""
    assert pretraining.runtime.plan_cluster is not None, "the loader takes only runtimes with clusters"
    try:
        return pretraining.runtime.plan_cluster(pretraining)
    except LlmstratError:
        if not refused:
            raise
        return _EMPTY


def _plan_serving(resolved: ResolvedSpec, serving: ResolvedServing, spec: FromScratchSpec) -> StackPlan:
    fleet = plan_fleet(resolved, serving, spec)
    return replace(fleet, findings=tuple(_in_own_words(each) for each in fleet.findings))


def _in_own_words(finding: Finding) -> Finding:
    """What C says of `model:`, which a spec of D hasn't."""
    if finding.rule != "no-chat-template":
        return finding
    return replace(
        finding,
        path="serving",
        message="the model will have no chat template: chat requests would be refused",
        remedy="call `/v1/completions`, or tune the model on conversations afterwards, with strategy C",
    )


def _fleet_prices(serving: ResolvedServing | None) -> Iterator[TokenPrice]:
    if serving is None:
        return
    yield by_the_hour(serving, serving.model.alias, "trained here")
    for adapter in serving.block.adapters:
        yield by_the_hour(serving, adapter.alias, adapter.source)

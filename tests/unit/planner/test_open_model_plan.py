"""What the plan of an open model says: resources, costs by the hour and once, sizing in words, break-even, totals."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from open_kit import CLOSED, LLAMA, LOAD, OPEN, findings, load, plan, sizing

from llmstrat_iac.errors import CredentialError
from llmstrat_iac.open_model import MODEL_SECRET
from llmstrat_iac.operations.credentials import existing_secrets, placeholders
from llmstrat_iac.plan import Basis, CostLine, Plan, Severity
from llmstrat_iac.program import secrets_from_environment

HOURS = {"start": "0 7 * * 1-5", "stop": "0 19 * * 1-5", "hours_per_week": 84}


def line(made: Plan, words: str) -> CostLine:
    """The one cost line whose item has these words."""
    (found,) = [each for each in made.stack.costs if words in each.item]
    return found


def test_the_fleet_is_billed_by_the_hour_and_its_tokens_are_free(tmp_path: Path) -> None:
    made = plan(tmp_path, load=LOAD, serving={"replicas": {"min": 2, "max": 3}})
    serving = line(made, ": serving")
    assert (serving.item, serving.basis, serving.quantity) == ("g6e.xlarge: serving", Basis.HOUR, 2)
    assert serving.usd == pytest.approx(2 * 1.861)
    assert made.fixed_month.usd > 2 * 1.861 * 730
    (price,) = made.stack.token_prices
    assert (price.alias, price.provider, price.usd_per_mtok_input, price.usd_per_mtok_output) == ("chat", "ec2", 0, 0)
    assert not [each for each in made.stack.costs if each.item.startswith("Tokens")]


@pytest.mark.parametrize(
    ("serving", "instances"), [({"hours": HOURS}, 0.5), ({"paused": True}, 0), ({"hours": HOURS, "paused": True}, 0)]
)
def test_instances_that_arent_there_cost_nothing(serving: dict[str, Any], instances: float, tmp_path: Path) -> None:
    assert line(plan(tmp_path, serving=serving), ": serving").quantity == instances


def test_a_ttl_stops_instances_but_not_what_stands_beside_them(tmp_path: Path) -> None:
    made = plan(tmp_path)
    beside = made.fixed_month.usd - 1.861 * 730
    assert made.ttl == "24h", "a day, unless said otherwise"
    assert made.forgotten_30_days.usd == pytest.approx(1.861 * 24 + beside * 720 / 730)
    assert line(made, "Load Balancer").basis is Basis.MONTH
    assert plan(tmp_path, limits={"ttl": "never"}).forgotten_30_days.usd == pytest.approx(
        made.fixed_month.usd * 72 / 73
    )


def test_the_load_is_held_against_the_speed(tmp_path: Path) -> None:
    light = sizing(plan(tmp_path, load=LOAD))
    assert "% of a replica" in light["serving: load"]
    busy = plan(tmp_path, load=LOAD | {"requests_per_month": 4_000_000}, serving={"replicas": {"min": 1, "max": 4}})
    assert "replicas | of at most 4" in sizing(busy)["serving: load"]
    more = line(busy, "further replicas")
    assert more.basis is Basis.LOAD
    assert more.quantity in (730, 1460, 2190)
    assert busy.at_load_month.usd > busy.fixed_month.usd + 700


def test_only_the_fleets_share_of_the_load_is_its_own(tmp_path: Path) -> None:
    endpoint = {"load": LOAD, "consumers": [{"name": "web", "models": ["chat", "nova"]}]}
    alone, shared = plan(tmp_path, load=LOAD), plan(tmp_path, endpoint=endpoint, providers=CLOSED)

    def tokens(made: Plan) -> str:
        return sizing(made)["a million tokens, now"]

    assert "110 million tokens" in tokens(alone)
    assert "55 million tokens" in tokens(shared)


def test_training_is_billed_once_with_all_that_it_needs(tmp_path: Path) -> None:
    made = plan(tmp_path, training={})
    once = [each for each in made.stack.costs if each.basis is Basis.ONCE]
    assert {each.item for each in once} >= {"g6.xlarge: training", "NAT gateway of the training"}
    training = line(made, "large: training")
    assert 0.25 < training.quantity < 1
    assert made.once.usd == pytest.approx(sum(each.usd or 0 for each in once))
    assert made.fixed_month.usd == pytest.approx(0.40), "a training leaves a bucket and a secret behind"


def test_no_job_costs_more_than_it_may_take(tmp_path: Path) -> None:
    parts: dict[str, Any] = {"hyperparameters": {"epochs": 100, "max_length": 8192}, "max_duration": "6m"}
    made = plan(tmp_path, training=parts, rows=[{"prompt": "word " * 8000, "completion": str(i)} for i in range(30)])
    assert line(made, "large: training").quantity == pytest.approx(0.1)


@pytest.mark.parametrize(
    "training", [{"dataset": {"train": "s3://example/train.jsonl"}}, {"capacity": "spot"}], ids=["S3", "spot"]
)
def test_what_isnt_known_of_a_job_is_not_zero(training: dict[str, Any], tmp_path: Path) -> None:
    made = plan(tmp_path, training=training)
    assert line(made, "large: training").usd is None
    assert made.once.unknown


@pytest.mark.parametrize("part", ["serving", "training"])
def test_what_fits_nowhere_has_no_price_rather_than_none(part: str, tmp_path: Path) -> None:
    made = plan(tmp_path, **{part: {"instance": "g4dn.xlarge", **({"method": "full"} if part == "training" else {})}})
    assert line(made, f"{part}: no instance fits").usd is None
    assert (made.fixed_month if part == "serving" else made.once).unknown
    assert "unknown-price" not in {finding.rule for finding in made.findings}, "the error says why there is none"


def test_a_job_with_steps_ends_after_them(tmp_path: Path) -> None:
    assert "12 steps" in sizing(plan(tmp_path, training={}))["training: time"]
    assert "5 steps" in sizing(plan(tmp_path, training={"hyperparameters": {"max_steps": 5}}))["training: time"]


def test_the_sizing_says_where_why_and_what_was_rejected(tmp_path: Path) -> None:
    told = sizing(plan(tmp_path, load=LOAD))
    assert re.search(
        r"g6e\.xlarge \| 1 x NVIDIA L40S, 1\.861 USD an hour: the cheapest of \d+", told["serving: instance"]
    )
    assert "weights 15.0, KV cache 8.0" in told["serving: GPU memory"]
    assert "USD an hour" in told["serving: runners-up"]
    assert "g6.xlarge: needs" in told["serving: rejected"]
    assert told["serving: an idle day"].startswith("4")
    named = sizing(plan(tmp_path, serving={"instance": "g5.12xlarge"}))
    assert "as the spec says" in named["serving: instance"]
    assert "2 together" in named["serving: GPUs"] or "4 together" in named["serving: GPUs"]


def test_sagemaker_has_its_own_names_and_prices(tmp_path: Path) -> None:
    made = plan(tmp_path, model=OPEN, serving={"runtime": "sagemaker", "instance": "g6.2xlarge", "max_context": 2048})
    serving = line(made, ": serving")
    assert (serving.item, serving.unit_usd) == ("ml.g6.2xlarge: serving", 1.222)
    unknown = plan(tmp_path, model=OPEN, training={"runtime": "sagemaker", "capacity": "spot"})
    assert "price unknown: the cheapest, where prices are known, of" in sizing(unknown)["training: instance"]


def test_auto_takes_no_type_that_the_runtime_lacks(tmp_path: Path) -> None:
    def looked_at(runtime: str) -> set[str]:
        model = load(tmp_path, model=OPEN, serving={"runtime": runtime, "max_context": 2048}).open_model
        assert model is not None
        assert model.serving is not None
        return {each.instance.name for each in (*model.serving.choice.fits, *model.serving.choice.rejected)}

    assert looked_at("ec2") - looked_at("sagemaker") == {"g4dn.metal", "gr6.4xlarge", "gr6.8xlarge", "p3dn.24xlarge"}
    named = {"runtime": "sagemaker", "instance": "gr6.4xlarge", "max_context": 2048}
    assert findings(tmp_path, model=OPEN, serving=named)["sagemaker.instance"].severity is Severity.ERROR


@pytest.mark.parametrize(
    ("parts", "model", "why"),
    [
        ({}, "amazon.nova-lite-v1:0", "for want of one in the spec"),
        ({"serving": {"fallback": ["nova"]}, "providers": CLOSED}, "amazon.nova-lite-v1:0", "the fallback"),
        ({"providers": CLOSED}, "amazon.nova-lite-v1:0", "under `providers`"),
    ],
)
def test_the_break_even_names_what_it_compares_with(
    parts: dict[str, Any], model: str, why: str, tmp_path: Path
) -> None:
    told = sizing(plan(tmp_path, load=LOAD, **parts))["break-even"]
    assert f"against {model} ({why})" in told


def test_the_break_even_is_the_fleets_bill_over_the_closed_models_price(tmp_path: Path) -> None:
    entry = {"name": "openai", "models": [{"alias": "gpt", "id": "gpt-5.2"}], "credentials": {"secret": "openai-key"}}
    made = plan(tmp_path, load=LOAD, serving={"fallback": ["gpt"]}, providers=[entry])
    (gpt,) = [price for price in made.stack.token_prices if price.alias == "gpt"]
    assert gpt.usd_per_mtok_input is not None
    assert gpt.usd_per_mtok_output is not None
    blended = (800 * gpt.usd_per_mtok_input + 300 * gpt.usd_per_mtok_output) / 1100
    told = sizing(made)["break-even"]
    millions = float(told.split()[0].replace(",", ""))
    assert millions == pytest.approx((made.fixed_month.usd - 0.70) / blended, rel=0.01), "gateway and token apart"
    assert "cheaper at any load" not in told


def test_resources_of_all_parts_are_one_list(tmp_path: Path) -> None:
    made = plan(tmp_path, training={}, serving={})
    kinds = [resource.type for resource in made.stack.resources]
    assert len(kinds) == len(set(kinds))
    counts = {resource.type.rpartition(":")[2]: resource.count for resource in made.stack.resources}
    assert (counts["Bucket"], counts["Secret"], counts["LoadBalancer"], counts["Instance"]) == (1, 1, 1, 1)


def test_a_training_alone_needs_no_gateway(tmp_path: Path) -> None:
    made = plan(tmp_path, training={})
    kinds = {resource.type for resource in made.stack.resources}
    assert "aws:apigateway/restApi:RestApi" not in kinds
    assert "pulumi:providers:aws" in kinds
    assert made.stack.token_prices == ()


@pytest.mark.parametrize("monthly", [True, False])
def test_a_training_alone_has_a_budget_of_its_own(monthly: bool, tmp_path: Path) -> None:
    made = plan(tmp_path, training={}, limits={"monthly_usd": 100} if monthly else {})
    assert ("aws:budgets/budget:Budget" in {resource.type for resource in made.stack.resources}) is monthly


def test_the_base_has_an_alias_only_while_an_adapter_is_trained(tmp_path: Path) -> None:
    def aliases(**parts: Any) -> list[str]:
        return [price.alias for price in plan(tmp_path, **parts).stack.token_prices]

    assert aliases(serving={}) == ["chat"]
    assert aliases(serving={}, training={"method": "lora"}) == ["chat", "chat-base"]
    assert aliases(serving={}, training={"method": "full"}) == ["chat"]


def test_a_plan_without_files_reads_none(tmp_path: Path) -> None:
    made = plan(tmp_path, training={}, read_files=False)
    assert sizing(made)["training data"] == "unknown | not read"


def test_the_token_is_a_secret_of_the_program(tmp_path: Path) -> None:
    resolved = load(tmp_path)
    assert secrets_from_environment(resolved, {"HF_TOKEN": " hf_x "}) == {MODEL_SECRET: "hf_x"}
    with pytest.raises(CredentialError, match="`HF_TOKEN` is not set"):
        secrets_from_environment(resolved, {})
    assert set(placeholders(resolved)) == {"HF_TOKEN"}
    stored = load(tmp_path, model=LLAMA | {"token": {"secret": "huggingface/team"}})
    assert (secrets_from_environment(stored, {}), existing_secrets(stored)) == ({}, ("huggingface/team",))


def test_runtimes_names_of_instances_mean_ec2s(tmp_path: Path) -> None:
    resolved = load(tmp_path, model=OPEN, serving={"runtime": "sagemaker", "instance": "ml.g6e.xlarge"})
    assert resolved.open_model is not None
    assert resolved.open_model.serving is not None
    assert resolved.open_model.serving.block.instance == "g6e.xlarge"

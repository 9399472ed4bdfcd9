"""What the plan of a model from scratch says: the cluster once, what stays by the month, time and money in words."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from scratch_kit import cluster_plan, found, load, plan, sizing

from llmstrat_iac.catalog.pretraining.contract import Span
from llmstrat_iac.operations.credentials import placeholders
from llmstrat_iac.plan import Basis, CostLine, Plan
from llmstrat_iac.program import secrets_from_environment

HUB = {
    "source": "meta-llama/Llama-3.1-8B-Instruct",
    "revision": "0" * 40,
    "token": {"secret": "env:HF_TOKEN"},
}


def line(made: Plan, words: str) -> CostLine:
    """The one cost line whose item has these words."""
    (one,) = [each for each in made.stack.costs if words in each.item]
    return one


def test_the_nodes_are_billed_once_for_as_long_as_the_run_is_likely_to_take(tmp_path: Path) -> None:
    made = plan(tmp_path, made=found())
    nodes = line(made, ": training")
    assert (nodes.item, nodes.basis, nodes.unit) == ("2 x p4d.24xlarge: training", Basis.ONCE, "instance-hour")
    assert nodes.quantity == 2 * 3 * 24
    assert nodes.usd == pytest.approx(44 * 72)
    assert made.once.usd >= 44 * 72


def test_what_the_runtime_bills_by_the_hour_ends_with_the_run(tmp_path: Path) -> None:
    made = plan(tmp_path, made=found())
    assert not [each for each in made.stack.costs if each.basis is Basis.HOUR]
    nat = line(made, "NAT gateway of")
    assert (nat.basis, nat.quantity) == (Basis.ONCE, 72)


def test_spare_nodes_bill_as_the_others_do(tmp_path: Path) -> None:
    made = plan(tmp_path, made=found(), cluster={"spare_nodes": 1})
    assert line(made, ": training").quantity == 3 * 72
    assert "2 x p4d.24xlarge, and 1 spare" in sizing(made)["cluster"]


def test_spot_is_said_and_an_unknown_price_isnt_zero(tmp_path: Path) -> None:
    made = plan(tmp_path, made=found(usd_per_hour=None, usd=None), cluster={"capacity": "spot"})
    nodes = line(made, ": training")
    assert nodes.item.endswith("training (spot)")
    assert nodes.usd is None
    assert nodes.item in made.once.unknown
    assert sizing(made)["run: cost"].startswith("at most 4,200 USD | the price of p4d.24xlarge isn't")


def test_checkpoints_and_the_model_stay_by_the_month(tmp_path: Path) -> None:
    kept = line(plan(tmp_path, made=found()), "S3: checkpoints")
    without = line(plan(tmp_path, made=found(), trainer={"checkpoints": {"enabled": False}}), "S3: checkpoints")
    assert kept.basis is Basis.MONTH
    assert kept.quantity - without.quantity == pytest.approx(3 * 14 * 1.073741824)
    assert 2 < without.quantity < 3.5, "1.2 billion parameters in 16 bits"


def test_the_sizing_says_what_how_where_how_long_and_for_how_much(tmp_path: Path) -> None:
    other = cluster_plan(nodes=4, days=Span(1, 1.5, 2), usd=Span(2100, 3200, 4200))
    told = sizing(plan(tmp_path, made=found(other)))
    assert told["model"].startswith("1.5 billion parameters | 16 layers of 2,048, 32 heads, 8 of keys")
    assert "2 billion tokens in 1,908 steps of 1.05 million" in told["work"]
    assert told["work"].startswith("1.")
    assert "e19 FLOPs" in told["work"]
    assert told["cluster"] == "2 x p4d.24xlarge | 16 x NVIDIA A100 SXM4 40GB, 44.00 USD an hour"
    assert told["cluster: division"].startswith("sharded over 16 | 4 sequences a GPU at once, 4 times a step")
    assert told["cluster: GPU memory"].startswith("21.2 of 38.0 GiB | weights 1.2, activations 20.0")
    assert (
        told["run: speed"] == "90,000 to 110,000 tokens a second | 90 to 110 TFLOP/s a GPU, 29 to 35% of what it can do"
    )
    assert told["run: time"].startswith("2 to 4 days | likely 3 days")
    assert told["run: checkpoints"].startswith("every 250 steps | 14 GiB, training stands still for 3 s")
    assert told["run: failures"].startswith("about 5.0% likely | 14 to 72 minutes of work done twice")
    assert told["run: energy"] == "500 to 700 kWh | nodes and data centre (PUE 1.12); CO2 unknown"
    assert told["run: cost"].startswith("2,100 to 4,200 USD | 44.")
    assert told["alternative"] == "4 x p4d.24xlarge | 1 to 2 days, 2,100 to 4,200 USD"
    assert told["assumed"] == " | torchtitan 0.3.0"


def test_millions_and_hours_are_written_as_people_do(tmp_path: Path) -> None:
    huge = sizing(plan(tmp_path, made=found(nodes=64, usd_per_hour=1600.0, days=Span(48, 53, 61))))
    assert huge["run: cost"].startswith("1.8 to 2.3 million USD")
    assert huge["run: time"].startswith("48 to 61 days")
    short = sizing(plan(tmp_path, made=found(days=Span(0.2, 0.25, 0.3))))
    assert short["run: time"].startswith("4.8 to 7.2 hours | likely 6 hours")


def test_what_is_likely_and_what_isnt_is_said(tmp_path: Path) -> None:
    told = sizing(plan(tmp_path, made=found(cluster_plan(), failures=Span(2, 5, 20), checkpoint_steps=5000)))
    assert told["run: failures"].startswith("2 to 20 expected")
    assert told["run: checkpoints"].startswith("one, at the end")
    assert "alternative" not in told, "the cluster itself is none"
    without = sizing(plan(tmp_path, made=found(), trainer={"checkpoints": {"enabled": False}}))
    assert without["run: checkpoints"] == "none | a failed node costs all that was done"


def test_the_planner_itself_is_asked(tmp_path: Path) -> None:
    told = sizing(plan(tmp_path))
    assert told["cluster"].startswith("2 x p4d.24xlarge | 16 x NVIDIA A100 SXM4 40GB, 43.92 USD")
    assert told["run: time"].partition(" |")[0].endswith(("hours", "minutes"))
    chosen = sizing(plan(tmp_path, cluster={"nodes": "auto", "instance": "auto", "deadline": "24h"}))
    assert chosen["cluster"].endswith("instance and nodes chosen")


def test_the_plan_is_as_large_for_two_thousand_nodes_as_for_two(tmp_path: Path) -> None:
    small = plan(tmp_path, made=found())
    began = time.process_time()
    large = plan(tmp_path, made=found(nodes=2000), cluster={"nodes": 2000})
    assert time.process_time() - began < 2
    assert large.stack.resources == small.stack.resources
    assert len(large.stack.costs) == len(small.stack.costs)


def test_a_fleet_is_planned_for_the_model_that_comes_out(tmp_path: Path) -> None:
    made = plan(tmp_path, made=found(), serving={"max_context": 4096})
    told = sizing(made)
    assert "serving: instance" in told
    (price,) = made.stack.token_prices
    assert (price.alias, price.model, price.usd_per_mtok_input) == ("own-model-dev", "trained here", 0)
    kinds = {each.type for each in made.stack.resources}
    assert {"llmstrat:fromscratch:FromScratch", "llmstrat:gateway:Gateway", "aws:s3/bucket:Bucket"} <= kinds
    rules = {each.rule: each for each in made.findings}
    assert rules["no-chat-template"].path == "serving"
    assert "licence-unknown" not in rules


def test_without_an_endpoint_there_is_no_gateway(tmp_path: Path) -> None:
    made = plan(tmp_path, made=found())
    kinds = {each.type for each in made.stack.resources}
    assert "llmstrat:gateway:Gateway" not in kinds
    assert "pulumi:providers:aws" in kinds


def test_the_tokenizers_token_comes_from_the_environment_and_is_kept_as_a_secret(tmp_path: Path) -> None:
    made = plan(tmp_path, made=found(), tokenizer=HUB)
    assert "aws:secretsmanager/secret:Secret" in {each.type for each in made.stack.resources}
    resolved = load(tmp_path, tokenizer=HUB)
    assert secrets_from_environment(resolved, {"HF_TOKEN": "a-token"}) == {"model.token": "a-token"}
    assert set(placeholders(resolved)) == {"HF_TOKEN"}


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"cluster": {"nodes": 4}}, True),
        ({"limits": {"ttl": "20d"}}, True),
        ({"trainer": {"checkpoints": {"keep": 1}}}, True),
        ({"trainer": {"tokens": "3B"}}, False),
        ({"trainer": {"learning_rate": {"peak": 1e-4}}}, False),
        ({"corpus": {"source": "s3://example/other/", "tokens": "10B"}}, False),
    ],
)
def test_the_job_is_known_by_what_the_model_will_be(change: dict[str, Any], same: bool, tmp_path: Path) -> None:
    first, second = load(tmp_path).pretraining, load(tmp_path, **change).pretraining
    assert first is not None
    assert second is not None
    assert (first.identity == second.identity) is same

"""What speaks against a model from scratch, with numbers and a remedy: shape, data, division, capacity, time, cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scratch_kit import SHAPE, findings, found, plan

from llmstrat_iac.catalog.instances import find_instance
from llmstrat_iac.catalog.pretraining.contract import Refusal, Search, Span
from llmstrat_iac.plan import Finding, Severity

NOWHERE = Search(None, (), ())
BLOCK = {"capacity": "capacity-block", "reservation": "cr-0123456789abcdef0", "zone": "us-east-1a"}
PLAN = "arn:aws:sagemaker:us-east-1:123456789012:training-plan/q1"
SAGEMAKER = {"runtime": "sagemaker", "capacity": "training-plan", "zone": "us-east-1a"}


def shape(**changes: Any) -> dict[str, Any]:
    return {"shape": SHAPE | changes}


def refused(finding: Finding, *words: str) -> None:
    """An error that says these words in message or remedy."""
    assert finding.severity is Severity.ERROR
    said = f"{finding.message} -> {finding.remedy}"
    for each in words:
        assert each in said, said


def test_a_run_in_order_is_not_spoken_against(tmp_path: Path) -> None:
    made = plan(tmp_path, made=found())
    assert made.errors == ()
    assert [each.rule for each in made.findings if each.severity is Severity.WARNING] == []


def test_heads_must_divide_the_width_and_each_other(tmp_path: Path) -> None:
    uneven = findings(tmp_path, made=found(), architecture=shape(attention_heads=24))["heads-dont-divide"]
    refused(uneven, "24 heads don't divide a hidden size of 2,048", "85.33 wide", "16 or 32 heads")
    grouped = findings(tmp_path, made=found(), architecture=shape(kv_heads=12))["heads-dont-divide"]
    refused(grouped, "12 key and value heads don't divide 32 query heads", "8 or 16")
    wide = findings(tmp_path, made=found(), architecture=shape(attention_heads=24, head_dim=128))
    assert "heads-dont-divide" not in wide


def test_a_shape_that_the_trainer_hasnt_is_planned_with_but_not_trained(tmp_path: Path) -> None:
    told = findings(tmp_path, architecture={"preset": "gpt-neox-20b"}, trainer={"sequence_length": 2048})
    refused(told["shape-not-trainable"], "a feed-forward network of two matrices", "two thirds")
    experts = findings(tmp_path, made=found(), architecture=shape(experts=8, experts_per_token=2))
    refused(experts["shape-not-trainable"], "experts")


def test_sequences_must_fit_into_the_context(tmp_path: Path) -> None:
    finding = findings(tmp_path, made=found(), trainer={"sequence_length": 16_384})["length-beyond-model"]
    refused(finding, "16,384 tokens", "context of 8,192", "`sequence_length: 8192`")


@pytest.mark.parametrize(
    ("tokens", "allowed", "rule", "severity"),
    [
        ("30B", False, "corpus-too-small", Severity.ERROR),
        ("30B", True, None, None),
        ("50B", True, "corpus-repeated", Severity.WARNING),
    ],
)
def test_a_budget_beyond_the_corpus_must_be_said(
    tokens: str, allowed: bool, rule: str | None, severity: Severity | None, tmp_path: Path
) -> None:
    told = findings(tmp_path, made=found(), trainer={"tokens": tokens, "epochs_allowed": allowed})
    about = {name: each for name, each in told.items() if name.startswith("corpus-")}
    assert set(about) == ({rule} if rule else set())
    if rule == "corpus-too-small":
        refused(about[rule], "30B tokens", "3.0 times", "`tokens: 10B`", "`epochs_allowed: true`")
    elif rule:
        assert about[rule].severity is severity
        assert "5.0 times" in about[rule].message


def test_a_known_tokenizer_is_held_against_the_vocabulary(tmp_path: Path) -> None:
    hub = {"source": "Qwen/Qwen3-8B", "revision": "0" * 40}
    refused(
        findings(tmp_path, made=found(), tokenizer=hub)["vocabulary-too-small"], "151,936 tokens", "128,256 entries"
    )
    small = {"source": "meta-llama/Llama-3.1-8B-Instruct", "revision": "0" * 40}
    told = findings(tmp_path, made=found(), tokenizer=small)
    assert not {"vocabulary-too-small", "tokenizer-unknown"} & set(told)
    refused(told["gated-without-token"], "env:HF_TOKEN")
    unknown = findings(tmp_path, made=found())["tokenizer-unknown"]
    assert unknown.severity is Severity.INFO
    assert "128,256" in unknown.message


@pytest.mark.parametrize(
    ("parallelism", "rule", "words"),
    [
        ({"tensor": 16}, "tensor-parallel-heads", ("16 GPUs can't share 32 query heads and 8", "1, 2, 4, 8")),
        ({"tensor": 3}, "tensor-parallel-heads", ("3 GPUs", "1, 2, 4, 8")),
        ({"pipeline": 32}, "pipeline-beyond-layers", ("32 stages can't share 16 layers",)),
        ({"context": 3}, "context-parallel-length", ("3 GPUs", "4,096 tokens", "that 6 divides")),
        ({"data_shard": 4}, "degrees-dont-divide", ("make 4 GPUs, and the cluster has 16",)),
        ({"data_replicate": 3}, "degrees-dont-divide", ("groups of 3 GPUs", "cluster's 16")),
    ],
)
def test_degrees_must_divide_what_they_share(
    parallelism: dict[str, Any], rule: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    refused(findings(tmp_path, made=NOWHERE, trainer={"parallelism": parallelism})[rule], *words)


def test_a_layer_isnt_shared_beyond_a_node(tmp_path: Path) -> None:
    told = findings(
        tmp_path,
        made=NOWHERE,
        architecture=shape(kv_heads=32),
        trainer={"parallelism": {"tensor": 16}},
    )
    refused(told["tensor-parallel-beyond-node"], "16 GPUs", "p4d.24xlarge has 8")


def test_degrees_that_fit_together_are_not_spoken_against(tmp_path: Path) -> None:
    good = {"tensor": 4, "context": 2, "data_replicate": 2}
    told = findings(tmp_path, made=found(), trainer={"parallelism": good})
    assert not [each for each in told.values() if each.severity is Severity.ERROR]


@pytest.mark.parametrize(
    ("trainer", "words"),
    [
        ({"parallelism": {}, "batch_sequences": 250}, ("250 sequences", "16 ranks", "15.62", "240 or 256")),
        ({"parallelism": {"tensor": 2}, "micro_batch": 3}, ("256 sequences", "8 ranks of 3 at once", "240 or 264")),
        ({"batch_sequences": 8}, ("8 sequences", "16 ranks", "`batch_sequences` to 16")),
    ],
)
def test_the_batch_must_divide_over_the_ranks(trainer: dict[str, Any], words: tuple[str, ...], tmp_path: Path) -> None:
    refused(findings(tmp_path, made=NOWHERE, trainer=trainer)["batch-doesnt-divide"], *words)


def test_what_fits_nowhere_says_why_and_what_would_help(tmp_path: Path) -> None:
    instance = find_instance("p4d.24xlarge")
    assert instance is not None
    refusal = Refusal(instance, 2, "needs 61.0 GiB a GPU, and 38.0 are there")
    told = findings(tmp_path, made=Search(None, (), (refusal,)), trainer={"micro_batch": 8})["run-fits-nowhere"]
    refused(told, "take more nodes", "leave `micro_batch` out", "train-plan")
    assert told.reason == "2 x p4d.24xlarge: needs 61.0 GiB a GPU, and 38.0 are there"


def test_several_nodes_need_efa(tmp_path: Path) -> None:
    refused(
        findings(tmp_path, made=found(), cluster={"instance": "g5.xlarge"})["no-efa"],
        "g5.xlarge has no EFA",
        "2 nodes on ",
        "`nodes: 1`",
    )
    assert "no-efa" not in findings(tmp_path, made=found(), cluster={"instance": "g5.xlarge", "nodes": 1})


def test_fp8_needs_a_gpu_that_multiplies_in_it(tmp_path: Path) -> None:
    refused(findings(tmp_path, made=found(), trainer={"precision": "fp8"})["fp8-not-possible"], "A100", "8.0", "bf16")
    hopper = {"instance": "p5.48xlarge"}
    assert "fp8-not-possible" not in findings(tmp_path, made=found(), trainer={"precision": "fp8"}, cluster=hopper)


def test_auto_nodes_need_an_aim(tmp_path: Path) -> None:
    refused(findings(tmp_path, made=found(), cluster={"nodes": "auto"})["nodes-without-aim"], "deadline: 30d")
    for aim in ({"deadline": "30d"}, {"budget_usd": 10_000}):
        assert "nodes-without-aim" not in findings(tmp_path, made=found(), cluster={"nodes": "auto", **aim})


@pytest.mark.parametrize(
    ("cluster", "rule", "words"),
    [
        ({"capacity": "capacity-block"}, "reservation-missing", ("`cr-…`", "llmstrat capacity")),
        ({"capacity": "reservation"}, "reservation-missing", ("capacity reservation's id",)),
        (SAGEMAKER, "reservation-missing", ("training plan's ARN", "llmstrat capacity buy")),
        (SAGEMAKER | {"reservation": PLAN, "zone": None}, "zone-missing", ("sagemaker describe-training-plan",)),
        (BLOCK | {"reservation": "block-1"}, "reservation-misshapen", ("`block-1`",)),
        (BLOCK | {"zone": None}, "zone-missing", ("such as `us-east-1a`",)),
        (BLOCK | {"zone": "us-west-2a"}, "zone-elsewhere", ("`us-west-2a` is no zone of us-east-1",)),
        ({"zone": "us-east-1"}, "zone-elsewhere", ("`us-east-1`",)),
        ({"reservation": "cr-0123456789abcdef0"}, "reservation-unused", ("the capacity is `on-demand`",)),
        (SAGEMAKER | {"reservation": PLAN.replace("us-east-1", "us-east-2")}, "reservation-elsewhere", ("us-east-1",)),
    ],
)
def test_reserved_capacity_must_be_named_in_its_zone(
    cluster: dict[str, Any], rule: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    refused(findings(tmp_path, made=found(), cluster=cluster)[rule], *words)


@pytest.mark.parametrize("cluster", [BLOCK, BLOCK | {"capacity": "reservation"}, SAGEMAKER | {"reservation": PLAN}])
def test_reserved_capacity_that_is_named_is_not_spoken_against(cluster: dict[str, Any], tmp_path: Path) -> None:
    told = findings(tmp_path, made=found(), cluster=cluster)
    assert not [each for each in told if each.startswith(("reservation-", "zone-"))]


def test_spot_without_checkpoints_is_refused(tmp_path: Path) -> None:
    told = findings(tmp_path, made=found(), cluster={"capacity": "spot"}, trainer={"checkpoints": {"enabled": False}})
    refused(told["spot-without-checkpoints"], "reclaimed", "checkpoints.enabled")
    kept = findings(tmp_path, made=found(), cluster={"capacity": "spot"})
    assert "spot-without-checkpoints" not in kept
    assert "all 2" in kept["spot-cluster"].message


@pytest.mark.parametrize(("failures", "severity"), [(0.1, Severity.WARNING), (3, Severity.ERROR)])
def test_a_long_run_without_checkpoints_is_refused(failures: float, severity: Severity, tmp_path: Path) -> None:
    made = found(failures=Span(failures, failures, failures))
    told = findings(tmp_path, made=made, trainer={"checkpoints": {"enabled": False}})["no-checkpoints"]
    assert told.severity is severity
    assert f"{failures:g} interruptions" in told.message


@pytest.mark.parametrize(
    ("ttl", "severity"), [("5d", None), ("3d", Severity.WARNING), ("24h", Severity.ERROR), ("never", None)]
)
def test_the_stack_must_outlive_the_run(ttl: str, severity: Severity | None, tmp_path: Path) -> None:
    told = findings(tmp_path, made=found(), limits={"ttl": ttl}).get("ttl-shorter-than-run")
    assert (told.severity if told else None) is severity
    if told:
        assert f"2 to 4 days, and the stack ends after {ttl}" in told.message
        assert "`ttl: 5d`" in told.remedy


def test_a_day_to_live_is_the_default(tmp_path: Path) -> None:
    made = plan(tmp_path, made=found(days=Span(0.1, 0.2, 0.3)), limits={}, name="own-model")
    assert "ttl-shorter-than-run" not in {each.rule for each in made.findings}


def test_deadline_and_budget_are_held_against_the_estimate(tmp_path: Path) -> None:
    refused(findings(tmp_path, made=found(), cluster={"deadline": "48h"})["beyond-deadline"], "2 to 4 days", "48h")
    near = findings(tmp_path, made=found(), cluster={"deadline": "3d"})["beyond-deadline"]
    assert near.severity is Severity.WARNING
    assert "beyond-deadline" not in findings(tmp_path, made=found(), cluster={"deadline": "4d"})
    refused(findings(tmp_path, made=found(), cluster={"budget_usd": 2500})["beyond-budget"], "2,100 to 4,200", "2,500")
    assert findings(tmp_path, made=found(), cluster={"budget_usd": 4000})["beyond-budget"].severity is Severity.WARNING
    assert "beyond-budget" not in findings(tmp_path, made=found(), cluster={"budget_usd": 5000})


def test_the_spending_limits_see_the_cluster(tmp_path: Path) -> None:
    told = findings(tmp_path, made=found(), limits={"monthly_usd": 3000, "max_hourly_usd": 40})
    refused(told["cluster-hourly-limit"], "$44.", "$40.00")
    refused(told["monthly-limit"], "$3,1", "for the whole run and a month", "$3,000.00")
    allowed = findings(tmp_path, made=found(), limits={"monthly_usd": 4000, "max_hourly_usd": 50})
    assert not {"cluster-hourly-limit", "monthly-limit"} & set(allowed)


def test_a_bill_that_nobody_knows_is_warned_of(tmp_path: Path) -> None:
    made = plan(tmp_path, made=found(usd_per_hour=None, usd=None), cluster={"capacity": "spot"})
    (told,) = [each for each in made.findings if each.path == "cluster.instance"]
    assert (told.rule, told.severity) == ("unknown-price", Severity.WARNING)
    assert "p4d.24xlarge (spot)" in told.message


def test_restricted_data_may_be_trained_on_but_not_answered_by_a_vendor_outside(tmp_path: Path) -> None:
    inside = findings(tmp_path, made=found(), data={"classification": "restricted"})
    assert "restricted-data-leaves-account" not in inside

"""What a run of strategy D may cost when a price is unknown, and remedies that fit the case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scratch_kit import SHAPE, findings, found, load, plan, sizing

from llmstrat_iac.catalog.pretraining.contract import Search
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.pretraining.planning import wish_of

NOWHERE = Search(None, (), ())


def refused(finding: Finding, *words: str) -> None:
    """An error that says these words in message or remedy."""
    assert finding.severity is Severity.ERROR
    said = f"{finding.message} -> {finding.remedy}"
    for each in words:
        assert each in said, said


def test_a_limit_isnt_passed_because_a_price_is_unknown(tmp_path: Path) -> None:
    unknown = found(usd_per_hour=None, usd=None)
    hyperpod = {"runtime": "hyperpod"}
    above = findings(tmp_path, made=unknown, cluster=hyperpod, limits={"monthly_usd": 3000, "max_hourly_usd": 40})
    refused(above["cluster-hourly-limit"], "more than $43.", "$40.00")
    refused(above["monthly-limit"], "more than $3,1", "$3,000.00")
    below = findings(tmp_path, made=unknown, cluster=hyperpod, limits={"monthly_usd": 9000, "max_hourly_usd": 99})
    refused(below["cluster-hourly-limit"], "can't be held", "ml.p4d.24xlarge", "`cluster.node_usd`")
    assert "monthly-limit" not in below
    assert "EC2 asks $21.96" in below["unknown-price"].message
    budget = hyperpod | {"budget_usd": 2000}
    refused(findings(tmp_path, made=unknown, cluster=budget)["beyond-budget"], "more than $3,1")


def test_spot_is_held_against_the_limit_at_the_price_on_demand(tmp_path: Path) -> None:
    unknown, spot = found(usd_per_hour=None, usd=None), {"capacity": "spot"}
    assert "cluster-hourly-limit" not in findings(tmp_path, made=unknown, cluster=spot, limits={"max_hourly_usd": 50})
    may = findings(tmp_path, made=unknown, cluster=spot, limits={"max_hourly_usd": 40})["cluster-hourly-limit"]
    assert may.severity is Severity.WARNING
    assert "as much as $44." in may.message


def test_a_price_of_the_specs_own_is_counted_with(tmp_path: Path) -> None:
    cluster = {"runtime": "hyperpod", "node_usd": 30}
    made = plan(tmp_path, cluster=cluster, limits={"max_hourly_usd": 50})
    (nodes, *_) = made.stack.costs
    assert (nodes.unit_usd, nodes.source) == (30, "cluster.node_usd of the spec")
    told = {each.rule: each for each in made.findings}
    refused(told["cluster-hourly-limit"], "costs $60.")
    assert not [each for each in made.findings if each.rule == "unknown-price" and each.path == "cluster.instance"]


def test_what_is_above_the_monthly_limit_is_told_what_helps_a_run(tmp_path: Path) -> None:
    told = findings(tmp_path, made=found(), limits={"monthly_usd": 3000})["monthly-limit"]
    refused(told, "fewer tokens", "llmstrat train-plan")


def test_never_is_no_deadline_to_aim_at(tmp_path: Path) -> None:
    never = {"nodes": "auto", "deadline": "never"}
    assert "nodes-without-aim" in findings(tmp_path, made=found(), cluster=never)


def test_a_batch_smaller_than_the_cluster_is_told_of_smaller_clusters(tmp_path: Path) -> None:
    told = findings(tmp_path, made=NOWHERE, cluster={"nodes": 2000})["batch-doesnt-divide"]
    refused(told, "256 sequences", "16,000 ranks", "take at most 32 nodes")


def test_experts_are_told_what_helps_them(tmp_path: Path) -> None:
    experts_shape: dict[str, Any] = SHAPE | {"experts": 8, "experts_per_token": 2}
    experts = findings(tmp_path, made=found(), architecture={"shape": experts_shape})
    assert experts["shape-not-trainable"].remedy == "leave `experts` out, or take the preset of a Llama"


@pytest.mark.parametrize("more", [{"gib": 2400}, {"mbps_per_tib": 500}])
def test_a_size_without_a_file_system_is_warned_of(more: dict[str, int], tmp_path: Path) -> None:
    told = findings(tmp_path, made=found(), cluster={"storage": {"kind": "s3", **more}})["storage-unused"]
    assert told.severity is Severity.WARNING
    assert f"`{next(iter(more))}`" in told.message


@pytest.mark.parametrize("name", ["all.jsonl", "part-0.parquet", "text.jsonl.gz"])
def test_a_corpus_is_a_prefix_and_no_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(LlmstratError, match=r"is a file.*write `s3://example/text/`"):
        plan(tmp_path, corpus={"source": f"s3://example/text/{name}", "tokens": "10B"})


@pytest.mark.parametrize(
    ("region", "words"), [("us-east-1", "`up` or `down`: $9.48 a day"), ("us-west-2", "the price isn't known")]
)
def test_what_bills_on_after_the_job_is_said_with_what_it_costs(region: str, words: str, tmp_path: Path) -> None:
    told = findings(tmp_path, made=found(), region=region, cluster={"storage": {"kind": "fsx"}})["cluster.file-system"]
    assert told.severity is Severity.INFO
    assert words in told.message
    assert "cluster's latest end" in told.reason
    assert "cluster.file-system" not in findings(tmp_path, made=found(), region=region)


def test_an_automatic_file_system_is_counted_with_what_it_takes(tmp_path: Path) -> None:
    made = plan(tmp_path, cluster={"storage": {"kind": "fsx"}})
    assert sizing(made)["file system"].startswith("1,200 GiB, 293 MB/s")
    assert not [each for each in made.stack.sizing if "storage takes" in each.assumption]
    slow = load(tmp_path, cluster={"storage": {"kind": "fsx", "mbps_per_tib": 125}}).pretraining
    assert slow is not None
    assert wish_of(slow).storage_gb_s == pytest.approx(1200 / 1024 * 0.125)

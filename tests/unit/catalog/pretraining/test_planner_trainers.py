"""A plan uses nothing that the trainer can't do, and says what it counts with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from run_kit import find, instance, plan, refusal, run

from llmstrat_iac.catalog.pretraining.contract import Degrees, Run
from llmstrat_iac.catalog.pretraining.engines import TORCHTITAN, Division
from llmstrat_iac.catalog.pretraining.layouts import DIVISIONS, layouts


def with_engine(asked: Run, **changes: Any) -> Run:
    return replace(asked, engine=replace(TORCHTITAN, **{"name": "acme 1.2", **changes}))


def tried(asked: Run, *, nodes: int = 16) -> list[Degrees]:
    return [each for alike in layouts(asked, instance("p5.48xlarge"), 8 * nodes) for each in alike]


@pytest.mark.parametrize("missing", DIVISIONS)
def test_no_plan_divides_as_the_trainer_cant(missing: Division) -> None:
    large = run("llama-70b", sequence_length=65_536)
    assert max(getattr(each, missing) for each in tried(large)) > 1
    unable = with_engine(large, divisions=frozenset(DIVISIONS) - {missing})
    found = tried(unable)
    assert found
    assert {getattr(each, missing) for each in found} == {1}


def test_without_sharding_each_gpu_holds_the_model() -> None:
    replicating = {"divisions": frozenset({"data_replicate"})}
    best = plan(with_engine(run("llama-1b", sequence_length=2048), **replicating))
    assert (best.degrees.data_replicate, best.degrees.data_shard) == (64, 1)
    assert any("states are whole on each GPU, 16 bytes a parameter" in each for each in best.assumptions)
    assert "needs" in refusal(with_engine(run("llama-70b"), **replicating))


def test_one_that_divides_nothing_trains_on_one_gpu() -> None:
    alone = with_engine(run("llama-1b"), divisions=frozenset())
    assert tried(alone, nodes=1) == []
    assert find(alone, on="g6e.4xlarge", nodes=1).best is not None


def test_recomputation_and_stages_are_the_trainers() -> None:
    plain = with_engine(run("llama-70b"), activations=frozenset({"keep", "full"}), interleaves=False)
    assert {(each.activations, each.interleaved) for each in tried(plain)} == {("keep", 1), ("full", 1)}


def test_what_is_given_and_cant_be_done_is_refused_by_name() -> None:
    given = Degrees(1, 0, 2, 1, 1, "selective")
    asked = with_engine(run(degrees=given), divisions=frozenset({"data_shard"}), activations=frozenset({"full"}))
    reason = refusal(asked)
    assert "tensor: acme 1.2 can't divide by 2" in reason
    assert "activations: acme 1.2 doesn't know `selective`" in reason


def test_a_precision_that_it_lacks_is_refused() -> None:
    asked = with_engine(run(precision="fp8"), precisions=frozenset({"bf16"}))
    assert refusal(asked) == "acme 1.2 can't compute in fp8"


def test_checkpoints_are_as_large_as_it_writes_them() -> None:
    small = plan(with_engine(run(), checkpoint_bytes=6))
    assert small.checkpoint_gib == pytest.approx(plan(run()).checkpoint_gib / 2)

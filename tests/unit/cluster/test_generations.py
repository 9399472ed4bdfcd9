"""Nodes agree on who trains together, by nothing but objects in a store."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmstrat_iac.cluster.generation import Generation, Member, by_name, choose, read_generation
from llmstrat_iac.cluster.rendezvous import Rendezvous
from llmstrat_iac.trainer.store import FolderStore

A, B, C = (Member(f"node-{number}", f"10.0.0.{number}", "x") for number in (1, 2, 3))


def node(root: Path, member: Member, *, patience: float = 100.0) -> Rendezvous:
    """Shows a sign of life only when the test says so."""
    return Rendezvous(FolderStore(root), member, beat=1.0, patience=patience, complain=pytest.fail)


def beat(*nodes: Rendezvous, count: int) -> None:
    for each in nodes:
        each.show(count)


@pytest.mark.parametrize(
    ("live", "allowed", "wait", "chosen"),
    [
        ([A, B, C], [3, 2], True, (A, B, C)),
        ([A, B, C], [2], True, (A, B)),
        ([B, A], [3, 2], True, None),
        ([B, A], [3, 2], False, (A, B)),
        ([A], [3, 2], False, None),
        ([A, B, C], [4, 2, 1], False, (A, B)),
    ],
)
def test_as_many_as_the_run_can_use(
    live: list[Member], allowed: list[int], wait: bool, chosen: tuple[Member, ...] | None
) -> None:
    assert choose(live, allowed, wait=wait) == chosen


def test_who_trained_before_trains_on_and_ranks_follow_torchruns_order() -> None:
    # torchrun sorts addresses as text: 10.0.0.10 before 10.0.0.9.
    far, near = Member("algo-9", "10.0.0.9", "x"), Member("algo-10", "10.0.0.10", "x")
    assert choose([A, far, near], [2], keep={"algo-9", "algo-10"}, wait=True) == (near, far)
    assert by_name([near, far]) == [far, near]


def test_a_generation_is_read_as_it_was_written() -> None:
    generation = Generation(7, (A, B), 500)
    assert read_generation(generation.to_json()) == generation


def test_a_node_is_alive_while_its_sign_changes(tmp_path: Path) -> None:
    first, second = node(tmp_path, A), node(tmp_path, B)
    beat(first, second, count=0)
    # It may be the last sign of a node that is long gone.
    assert set(first.look().live) == {A}
    beat(second, count=1)
    assert set(first.look().live) == {A, B}


def test_the_first_proposal_and_the_first_end_count(tmp_path: Path) -> None:
    first, second = node(tmp_path, A), node(tmp_path, B)
    assert first.propose((A, B), None, None)
    assert not second.propose((B,), 10, None)
    generation = second.look().generation
    assert generation == Generation(1, (A, B), None)
    assert second.end(generation, "lost node-1")
    assert not first.end(generation, "more nodes have come")
    assert first.look().ended
    assert first.why_ended(generation) == ("node-2", "lost node-1")
    assert first.propose((B,), 10, generation)
    assert second.look().generation == Generation(2, (B,), 10)


def test_a_node_that_leaves_or_falls_silent_is_lost(tmp_path: Path) -> None:
    first, second, third = node(tmp_path, A, patience=0.0), node(tmp_path, B), node(tmp_path, C)
    beat(first, second, third, count=0)
    generation = Generation(1, (A, B, C), None)
    second.look()
    assert second.lost(generation) == []
    second.store.delete([f"rendezvous/hosts/{C.host}/{C.address}/{C.start}"])
    second.look()
    assert second.lost(generation) == ["node-3"]
    first.look()
    assert first.lost(generation) == ["node-2", "node-3"]


def test_a_restarted_node_is_another(tmp_path: Path) -> None:
    first, again = node(tmp_path, A), node(tmp_path, Member(B.host, B.address, "y"))
    beat(first, again, count=0)
    first.look()
    assert first.lost(Generation(1, (A, B), None)) == ["node-2"]


def test_how_far_it_is_comes_from_whoever_knows(tmp_path: Path) -> None:
    first, second, third = node(tmp_path, A), node(tmp_path, B), node(tmp_path, C)
    beat(first, second, third, count=0)
    generation = Generation(1, (A, B, C), None)
    assert first.progress_of(generation) == [{}, {}]
    # The last stage of a pipeline knows the loss, and it isn't on the first node.
    third.progress = {"step": 10, "loss": 2.5}
    beat(third, count=1)
    assert {"step": 10, "loss": 2.5} in first.progress_of(generation)
    assert first.progress_of(generation) == [{"step": 10, "loss": 2.5}]
    first.progress = {"step": 20, "loss": 2.0}
    assert first.progress_of(generation) == [{"step": 20, "loss": 2.0}]


def test_a_node_that_goes_is_there_but_not_counted_on(tmp_path: Path) -> None:
    first, second = node(tmp_path, A), node(tmp_path, B)
    beat(first, second, count=0)
    first.look()
    beat(second, count=1)
    second.say_going()
    assert set(first.look().live) == {A}
    assert first.lost(Generation(1, (A, B), None)) == []

"""Each node's part of a checkpoint comes to S3, is complete when all have arrived, and comes back on any node."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmstrat_iac.cluster.checkpoints import Sender, marked_steps, newest_step, prepare, written_steps
from llmstrat_iac.cluster.layout import Layout
from llmstrat_iac.trainer.store import FolderStore

HOSTS = ("node-1", "node-2")
RANKS = 2
TORCHS = Layout()


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "bucket")


def write(root: Path, step: int, *ranks: int, metadata: bool = True) -> None:
    """As torch's distributed checkpointing writes it."""
    folder = root / f"step-{step}"
    folder.mkdir(parents=True, exist_ok=True)
    for rank in ranks:
        (folder / f"__{rank}_0.distcp").write_text(f"shard {rank} of {step}")
    if metadata:
        (folder / ".metadata").write_text("what is where")


def senders(store: FolderStore, *roots: Path, keep: int = 2) -> list[Sender]:
    return [
        Sender(store, root, layout=TORCHS, generation=1, hosts=HOSTS, index=index, ranks=RANKS, keep=keep)
        for index, root in enumerate(roots)
    ]


def test_own_disks_come_together_in_s3(store: FolderStore, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    first, second = senders(store, one, two)
    write(one, 10, 0, 1)
    write(two, 10, 2, 3, metadata=False)
    first.look()
    assert marked_steps(store) == []
    second.look()
    assert marked_steps(store) == []
    first.look()
    assert marked_steps(store) == [10]
    second.look()
    assert first.completed == second.completed == 10
    marker = json.loads(store.read("checkpoints/step-10/complete.json") or "")
    assert marker["files"].keys() == {".metadata", *(f"__{rank}_0.distcp" for rank in range(4))}
    assert marker["nodes"] == 2

    three = tmp_path / "three"
    prepare(store, three, 10, shared=False, first=False, layout=TORCHS)
    assert written_steps(three, TORCHS) == [10]
    assert (three / "step-10" / "__3_0.distcp").read_text() == "shard 3 of 10"


def test_a_shared_folder_is_sent_once(store: FolderStore, tmp_path: Path) -> None:
    lustre = tmp_path / "lustre"
    first, second = senders(store, lustre, lustre)
    write(lustre, 10, 0, 1, 2, 3)
    first.look()
    parts = "checkpoints/step-10/parts/1"
    assert json.loads(store.read(f"{parts}/node-1.json") or "")["files"].keys() == {
        ".metadata",
        "__0_0.distcp",
        "__1_0.distcp",
    }
    second.look()
    assert json.loads(store.read(f"{parts}/node-2.json") or "")["files"].keys() == {"__2_0.distcp", "__3_0.distcp"}


def test_one_that_isnt_whole_on_disk_isnt_sent(store: FolderStore, tmp_path: Path) -> None:
    first, _ = senders(store, tmp_path / "one", tmp_path / "two")
    write(tmp_path / "one", 10, 0, metadata=False)
    first.look()
    assert store.list("checkpoints/") == []


def test_what_arrived_cut_off_is_never_complete(store: FolderStore, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    first, second = senders(store, one, two)
    write(one, 10, 0, 1)
    write(two, 10, 2, 3, metadata=False)
    first.look()
    second.look()
    store.write("checkpoints/step-10/__3_0.distcp", "cut")
    first.look()
    assert marked_steps(store) == []
    # And the next one is.
    write(one, 20, 0, 1)
    write(two, 20, 2, 3, metadata=False)
    for each in (first, second, first):
        each.look()
    assert marked_steps(store) == [20]


def test_the_newest_are_kept(store: FolderStore, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    first, second = senders(store, one, two)
    for step in (10, 20, 30):
        write(one, step, 0, 1)
        write(two, step, 2, 3, metadata=False)
        for each in (first, second, first):
            each.look()
    assert marked_steps(store) == [20, 30]
    assert not [key for key in store.list("checkpoints/") if "step-10/" in key]


def test_only_the_agreed_step_is_left_to_resume_from(store: FolderStore, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    first, second = senders(store, one, two)
    write(one, 10, 0, 1)
    write(two, 10, 2, 3, metadata=False)
    for each in (first, second, first):
        each.look()
    # Both nodes wrote more, which never became complete.
    write(one, 20, 0, 1)
    write(two, 20, 2, 3, metadata=False)
    assert newest_step(store, one, TORCHS, shared=False) == 10
    for root in (one, two):
        prepare(store, root, 10, shared=False, first=root == one, layout=TORCHS)
        assert written_steps(root, TORCHS) == [10]
        assert not (root / "step-20").exists()


def test_a_shared_folder_may_be_ahead_of_s3(store: FolderStore, tmp_path: Path) -> None:
    lustre = tmp_path / "lustre"
    write(lustre, 10, 0, 1)
    write(lustre, 20, 0, metadata=False)
    assert newest_step(store, lustre, TORCHS, shared=True) == 10
    prepare(store, lustre, 10, shared=True, first=False, layout=TORCHS)
    assert (lustre / "step-20").exists()
    prepare(store, lustre, 10, shared=True, first=True, layout=TORCHS)
    assert written_steps(lustre, TORCHS) == [10]
    assert not (lustre / "step-20").exists()

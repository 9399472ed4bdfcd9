"""Checkpoints of a trainer with names of its own: found, sent, fetched and pointed at."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmstrat_iac.cluster.checkpoints import Sender, marked_steps, newest_step, prepare, written_steps
from llmstrat_iac.cluster.layout import Layout
from llmstrat_iac.trainer.store import FolderStore

NUMBERED = Layout("iter_{step:07d}.full", "done", r"^rank(\d+)\.", ("latest.txt", "{step}"))


def write(root: Path, step: int, *files: str) -> None:
    folder = root / NUMBERED.name(step)
    folder.mkdir(parents=True)
    for name in files:
        (folder / name).write_text(f"{name} of {step}")


def test_names_lead_to_steps_and_back() -> None:
    assert NUMBERED.name(730) == "iter_0000730.full"
    assert NUMBERED.step("iter_0000730.full") == 730
    assert [NUMBERED.step(name) for name in ("iter_0000730", "iter_.full", "step-1", "iterX0000001Xfull")] == [None] * 4
    assert Layout().step("step-12") == 12
    assert [NUMBERED.rank(name) for name in ("rank13.pt", "done")] == [13, 0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"folder": "step"}, "has `{step}` in its name"),
        ({"folder": "{step}-of-{total}"}, "has `{step}` in its name"),
        ({"folder": "a/{step}"}, "has `{step}` in its name"),
        ({"shard": "^rank"}, "has one group, the rank"),
    ],
)
def test_a_layout_that_leads_nowhere_is_refused(wrong: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Layout(**wrong)  # type: ignore[arg-type]


def test_they_go_to_s3_and_come_back_on_another_node(tmp_path: Path) -> None:
    store, one, two = FolderStore(tmp_path / "bucket"), tmp_path / "one", tmp_path / "two"
    senders = [
        Sender(store, root, layout=NUMBERED, generation=1, hosts=("a", "b"), index=index, ranks=1, keep=2)
        for index, root in enumerate((one, two))
    ]
    write(one, 20, "rank0.pt", "done", "arguments.json")
    write(two, 20, "rank1.pt")
    for sender in (*senders, senders[0]):
        sender.look()
    assert marked_steps(store) == [20]

    three = tmp_path / "three"
    write(three, 30, "rank0.pt", "done")
    assert newest_step(store, three, NUMBERED, shared=False) == 20
    prepare(store, three, 20, shared=False, first=False, layout=NUMBERED)
    assert written_steps(three, NUMBERED) == [20]
    names = {path.name for path in (three / "iter_0000020.full").iterdir()}
    assert names == {"rank0.pt", "rank1.pt", "done", "arguments.json"}
    assert (three / "latest.txt").read_text() == "20"


def test_one_that_is_told_where_to_go_on_isnt_told_of_what_is_gone(tmp_path: Path) -> None:
    write(tmp_path, 10, "rank0.pt")
    (tmp_path / "latest.txt").write_text("10")
    prepare(FolderStore(tmp_path / "bucket"), tmp_path, None, shared=True, first=True, layout=NUMBERED)
    assert not list(tmp_path.glob("iter_*"))
    assert not (tmp_path / "latest.txt").exists()


def test_what_is_on_the_shared_disk_is_pointed_at(tmp_path: Path) -> None:
    for step in (10, 20):
        write(tmp_path, step, "rank0.pt", "done")
    prepare(FolderStore(tmp_path / "bucket"), tmp_path, 10, shared=True, first=True, layout=NUMBERED)
    assert written_steps(tmp_path, NUMBERED) == [10]
    assert (tmp_path / "latest.txt").read_text() == "10"

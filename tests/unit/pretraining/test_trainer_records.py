"""What a trainer's plugin may render, and what is stopped before it costs nodes; torchtitan's own options."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pretraining_kit import KEY, planned, resolve_pretraining

from llmstrat_iac.catalog.pretraining.engines import TORCHTITAN
from llmstrat_iac.errors import PluginError
from llmstrat_iac.pretraining import Entry, Layout, ResolvedPretraining, Trainer, TrainerRun, package_files
from llmstrat_iac.pretraining.cluster_files import allowed_nodes, render_cluster_job
from llmstrat_iac.spec.common import Closed
from llmstrat_iac.spec.problems import InvalidSpecError

PINNED = "torch==2.14.1 \\\n    --hash=sha256:01 \\\n    --hash=sha256:02\n    # via acme\n"


class NoOptions(Closed):
    """None."""


def acme(run: TrainerRun | None = None, **changes: Any) -> Trainer:
    rendered = run or acme_run()

    def render(_pretraining: ResolvedPretraining) -> TrainerRun:
        return rendered

    engine = replace(TORCHTITAN, name="acme 2")
    record = Trainer(name="acme", title="Acme", version="2", options=NoOptions, engine=engine, render=render)
    return replace(record, **changes)


def acme_run(files: Mapping[str, str] | None = None, **changes: Any) -> TrainerRun:
    found = {"acme/train.py": "train()\n", "acme/export.py": "export()\n"} if files is None else files
    run = TrainerRun(
        files=found, requirements=PINNED, train=Entry(script="acme/train.py"), export=Entry(module="acme.export")
    )
    return replace(run, **changes)


def rendered(trainer: Trainer) -> dict[str, str]:
    return render_cluster_job(resolve_pretraining(framework=trainer), KEY)


def test_its_files_lie_beside_the_launchers() -> None:
    files = rendered(acme(checkpoints=Layout(folder="global_step{step}"), progress=r"step (?P<step>\d+)"))
    assert files["acme/train.py"] == "train()\n"
    assert files["requirements.txt"] == PINNED
    job = json.loads(files["job.json"])
    assert job["trainer"] == {"script": "acme/train.py", "arguments": []}
    assert job["export"] == {"module": "acme.export", "arguments": []}
    assert job["checkpoints"]["folder"] == "global_step{step}"
    assert (job["progress"], job["config"]) == (r"step (?P<step>\d+)", None)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (acme_run({"job.json": "{}", "acme/train.py": "x"}), "`job.json` is the launcher's"),
        (acme_run({"llmstrat_job/cluster/gate.py": "x", "acme/train.py": "x"}), "is the launcher's"),
        (acme_run({"requirements.txt": "x", "acme/train.py": "x"}), "`requirements.txt` is the launcher's"),
        (acme_run({"acme/train.py": "x", "../out.py": "x"}), "`../out.py` is no file below the job's folder"),
        (acme_run({"acme/train.py": "x", "/etc/out": "x"}), "`/etc/out` is no file below"),
        (acme_run({"acme/train.py": "x", "acme/__init__.py": ""}), "`acme/__init__.py` is empty"),
        (acme_run({}), "the script `acme/train.py` is none of its files"),
        (acme_run(requirements="torch==2.14.1\n"), "the requirement `torch==2.14.1` has no version or no hash"),
        (acme_run(requirements=f"{PINNED}acme>=2 --hash=sha256:01\n"), "the requirement `acme>=2"),
    ],
)
def test_what_would_fail_on_the_nodes_is_refused_at_plan(run: TrainerRun, message: str) -> None:
    with pytest.raises(PluginError, match="the trainer `acme` renders what can't be used") as caught:
        rendered(acme(run))
    assert message in caught.value.message
    assert "docs/plugins.md" in (caught.value.remedy or "")


def test_one_that_cant_load_a_smaller_clusters_checkpoint_waits_for_the_lost_node() -> None:
    eight = planned(nodes=8)
    assert allowed_nodes(resolve_pretraining(eight, framework=acme())) == (8, 4, 2, 1)
    assert allowed_nodes(resolve_pretraining(eight, framework=acme(resizes=False))) == (8,)


def test_what_is_sharded_is_counted_with_the_trainers_own_bytes() -> None:
    large = {"layers": 32, "hidden_size": 4096, "attention_heads": 32, "kv_heads": 8, "intermediate_size": 14336}
    light = acme(engine=replace(TORCHTITAN, state_bytes=8))
    assert allowed_nodes(resolve_pretraining(planned(headroom=3.0), shape=large, framework=acme())) == (4,)
    assert allowed_nodes(resolve_pretraining(planned(headroom=3.0), shape=large, framework=light)) == (4, 2)


def test_replicas_need_nothing_of_a_lost_node() -> None:
    replicas = acme(engine=replace(TORCHTITAN, divisions=frozenset({"data_replicate"})))
    plan = planned(nodes=4, headroom=0.0, data_replicate=32)
    assert allowed_nodes(resolve_pretraining(plan, framework=replicas)) == (4, 2, 1)


@pytest.mark.parametrize("wrong", [{}, {"module": "a", "script": "a.py"}])
def test_an_entry_is_a_module_or_a_script(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="either a module or a script"):
        Entry(**wrong)  # type: ignore[arg-type]


def test_a_pattern_without_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="no group `step`"):
        acme(progress=r"loss (?P<loss>\d+)")


def test_a_packages_modules_become_files() -> None:
    files = package_files("llmstrat_iac.trainers.torchtitan.node", "own")
    assert files.keys() == {f"own/{name}.py" for name in ("__init__", "data", "hub_export", "job", "model")}
    assert all(files.values())


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"training": {"steps": 5}}, "trainer.options.training.steps: it comes from `trainer.tokens`"),
        ({"checkpoint.folder": "/tmp"}, "trainer.options.checkpoint.folder: it comes from the launcher"),
    ],
)
def test_titans_options_leave_what_the_launcher_counts_on(options: dict[str, Any], place: str, tmp_path: Path) -> None:
    from scratch_kit import load

    with pytest.raises(InvalidSpecError) as caught:
        load(tmp_path, trainer={"options": options})
    assert place in str(caught.value)
    assert f"{tmp_path / 'spec.yaml'}:1:" in str(caught.value)

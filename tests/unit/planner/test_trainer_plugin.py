"""The trainer of docs/plugins.md, installed as a package of its own: checked, planned and rendered like torchtitan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from scratch_kit import document, load, plan
from trainer_plugin_kit import DISTRIBUTION, install_bigram

from llmstrat_iac.cli import cli
from llmstrat_iac.planner.schema import build_schema
from llmstrat_iac.plugins import create_registry
from llmstrat_iac.pretraining.cluster_files import allowed_nodes, render_cluster_job
from llmstrat_iac.spec.problems import InvalidSpecError

CLUSTER = {"instance": "p5.48xlarge"}


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "site"
    install_bigram(folder)
    monkeypatch.syspath_prepend(folder)
    return DISTRIBUTION


def refused(folder: Path, plugin: str, **trainer: Any) -> str:
    with pytest.raises(InvalidSpecError) as caught:
        load(folder, plugins=[plugin], trainer={"framework": "bigram", **trainer})
    return str(caught.value)


def test_its_job_is_rendered_without_torchtitan(plugin: str, tmp_path: Path) -> None:
    trainer = {"framework": "bigram", "options": {"log_every": 5}}
    resolved = load(tmp_path, plugins=[plugin], trainer=trainer, cluster=CLUSTER)
    pretraining = resolved.pretraining
    assert pretraining is not None
    files = render_cluster_job(pretraining, "0123456789ab-1")
    assert {"bigram/__init__.py", "bigram/train.py", "bigram/export.py"} <= files.keys()
    assert not [name for name in files if "titan" in name or name == "requirements.txt"]
    job = json.loads(files["job.json"])
    assert (job["framework"], job["framework_version"]) == ("bigram", "1.0")
    assert job["trainer"]["module"] == "bigram.train"
    assert job["trainer"]["arguments"][-1] == "5"
    assert job["checkpoints"]["newest"] == ["latest", "{step}"]
    # Whoever is left replicates less often: nothing that a lost node held is missing.
    assert pretraining.plan.degrees.data_replicate == 16
    assert allowed_nodes(pretraining) == (2, 1)


def test_its_plan_counts_with_what_it_can_do(plugin: str, tmp_path: Path) -> None:
    made = plan(tmp_path, plugins=[plugin], trainer={"framework": "bigram"}, cluster=CLUSTER)
    assert made.errors == ()
    assumed = " ".join(line.assumption for line in made.stack.sizing)
    assert "states are whole on each GPU, 16 bytes a parameter, logits made all at once (bigram 1.0)" in assumed
    assert "torchtitan" not in assumed


def test_wrong_options_are_reported_under_their_path(plugin: str, tmp_path: Path) -> None:
    told = refused(tmp_path, plugin, options={"log_evry": 5})
    assert f"{tmp_path / 'spec.yaml'}:1:" in told
    assert "trainer.options.log_evry: there is no key `log_evry` here" in told
    assert "did you mean `log_every`?" in told


def test_what_it_cant_do_is_refused_with_what_it_can(plugin: str, tmp_path: Path) -> None:
    told = refused(tmp_path, plugin, precision="fp8", parallelism={"tensor": 2, "data_shard": 1})
    assert "trainer.precision: the bigram trainer can't compute in `fp8`\n  it computes in: `bf16`" in told
    assert "trainer.parallelism.tensor: the bigram trainer can't divide so: `tensor: 2`" in told
    assert "set `tensor: 1`, or `parallelism: auto`; it divides by: `data_replicate`" in told
    assert "trainer.parallelism.activations: the bigram trainer has no `selective` recomputation" in told
    assert "data_shard" not in told


def test_shards_are_refused_even_where_they_are_the_default(plugin: str, tmp_path: Path) -> None:
    told = refused(tmp_path, plugin, parallelism={"activations": "keep"})
    assert "trainer.parallelism.data_shard: the bigram trainer can't divide so: `data_shard: rest`" in told
    assert "set `data_shard: 1` and `data_replicate`, or `parallelism: auto`" in told


def test_a_division_that_it_can_do_is_planned(plugin: str, tmp_path: Path) -> None:
    given = {"data_replicate": 16, "data_shard": 1, "activations": "keep"}
    resolved = load(tmp_path, plugins=[plugin], trainer={"framework": "bigram", "parallelism": given}, cluster=CLUSTER)
    assert resolved.pretraining is not None
    assert resolved.pretraining.plan.degrees.data_replicate == 16


def test_unless_it_is_enabled_its_name_is_unknown(plugin: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidSpecError) as caught:
        load(tmp_path, trainer={"framework": "bigram"})
    told = str(caught.value)
    assert "trainer.framework: there is no framework `bigram`" in told
    assert "choose one of: torchtitan. Others come with plugins: see `llmstrat plugins`" in told


def test_the_schema_has_its_name_and_its_options(plugin: str) -> None:
    schema = build_schema(create_registry([plugin]))
    validator = jsonschema.Draft202012Validator(schema)
    block = schema["$defs"]["TrainerBlock"]
    assert block["properties"]["framework"]["enum"] == ["bigram", "torchtitan"]
    asked = document(plugins=[plugin], trainer={"framework": "bigram", "options": {"log_every": 5}})
    assert validator.is_valid(asked)
    asked["trainer"]["options"] = {"comm": {}}
    assert not validator.is_valid(asked)
    del asked["trainer"]["framework"]
    assert validator.is_valid(asked), "torchtitan, the default, has options of its own"


def test_plugins_lists_it(plugin: str) -> None:
    shown = CliRunner().invoke(cli, ["plugins", "--plugin", plugin, "--json"])
    assert shown.exit_code == 0, shown.output
    rows = {row["name"]: row["provides"] for row in json.loads(shown.output)}
    assert rows[plugin] == ["trainer bigram"]
    assert rows["llmstrat_iac.trainers.torchtitan"] == ["trainer torchtitan"]

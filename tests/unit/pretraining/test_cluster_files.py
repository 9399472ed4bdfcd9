"""What the runtimes get for a cluster's job."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from pretraining_kit import KEY, planned, resolve_pretraining

from llmstrat_iac.catalog.instances import find_instance
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.pretraining.acceptance import gate, network_floor
from llmstrat_iac.pretraining.cluster_files import allowed_nodes, render_cluster_job
from llmstrat_iac.pretraining.contract import ResolvedPretraining
from llmstrat_iac.trainers.torchtitan.render import titan_arguments


def job_of(pretraining: ResolvedPretraining) -> dict[str, Any]:
    job: dict[str, Any] = json.loads(render_cluster_job(pretraining, KEY)["job.json"])
    return job


def arguments_of(pretraining: ResolvedPretraining) -> dict[str, str]:
    """torchtitan's arguments by name; flags have no value."""
    arguments = iter(titan_arguments(pretraining))
    found: dict[str, str] = {}
    name = ""
    for argument in arguments:
        if argument.startswith("--"):
            name = argument
            found[name] = ""
        else:
            found[name] = argument
    return found


def test_every_file_of_the_packages_is_there_and_has_text() -> None:
    files = render_cluster_job(resolve_pretraining(), KEY)
    source = Path(sys.modules["llmstrat_iac.cluster"].__file__ or "").parent
    ours = {f"llmstrat_job/cluster/{path.name}" for path in source.glob("*.py")}
    assert ours <= files.keys()
    assert all(files.values())
    for name, text in files.items():
        if name.endswith(".py"):
            ast.parse(text, name)


def test_what_the_bundle_imports_is_in_it() -> None:
    files = render_cluster_job(resolve_pretraining(), KEY)
    for name, text in files.items():
        if not name.endswith(".py"):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.level:
                package = name.split("/")[: -node.level]
                module = "/".join([*package, *(node.module or "").split(".")]).rstrip("/")
                assert f"{module}.py" in files or f"{module}/__init__.py" in files, f"{name}: {node.module}"


def test_the_job_doesnt_grow_with_its_nodes() -> None:
    small, large = (
        render_cluster_job(resolve_pretraining(planned(nodes=nodes), batch_sequences=16_384), KEY)
        for nodes in (2, 2048)
    )
    assert small.keys() == large.keys()
    allowed = [json.loads(files["job.json"])["allowed_nodes"] for files in (small, large)]
    assert len(allowed[1]) <= 12


def test_fewer_nodes_must_divide_the_batch_and_hold_the_model() -> None:
    # 512 sequences over 8 GPUs a node: 3, 5, 6 and 7 nodes don't divide them.
    assert allowed_nodes(resolve_pretraining(planned(nodes=8))) == (8, 4, 2, 1)
    # Two replicas need at least two groups of ranks; a pipeline of sixteen, two nodes.
    assert allowed_nodes(resolve_pretraining(planned(nodes=8, pipeline=16))) == (8, 4, 2)


def test_where_nothing_is_left_of_the_memory_no_node_can_be_missed() -> None:
    large = {"layers": 32, "hidden_size": 4096, "attention_heads": 32, "kv_heads": 8, "intermediate_size": 14336}
    # 6.9 billion parameters: 103 GiB of state, 3.2 on each of 32 GPUs, 6.4 on each of 16.
    assert allowed_nodes(resolve_pretraining(planned(headroom=4.0), shape=large)) == (4, 2)
    assert allowed_nodes(resolve_pretraining(planned(headroom=3.0), shape=large)) == (4,)


@pytest.mark.parametrize(
    ("instance", "floor"),
    [("p4d.24xlarge", 35.0), ("p5.48xlarge", 280.0), ("p5en.48xlarge", 280.0), ("p6-b300.48xlarge", 560.0)],
)
def test_floors_follow_the_network_cards(instance: str, floor: float) -> None:
    known = find_instance(instance)
    assert known is not None
    assert network_floor(known) == floor


def test_one_node_needs_no_efa() -> None:
    assert gate(resolve_pretraining(planned(nodes=1)))["efa"] == 0
    assert gate(resolve_pretraining(planned(nodes=2)))["efa"] == 32


def test_the_file_systems_floor_is_half_of_what_it_states() -> None:
    storage = {"storage": {"gib": 4800, "mbps_per_tib": 250}}
    assert gate(resolve_pretraining(cluster=storage))["storage_gb_s"] == 0.59
    assert gate(resolve_pretraining(cluster={"storage": {"kind": "s3"}}))["storage_gb_s"] is None


def test_a_pipeline_takes_the_whole_batch_at_once_and_no_cuda_graphs() -> None:
    arguments = arguments_of(resolve_pretraining(planned(nodes=8, pipeline=4, tensor=2, micro_batch=2)))
    assert arguments["--training.local_batch_size"] == "64"
    assert arguments["--parallelism.pipeline_parallel_microbatch_size"] == "2"
    assert "--training.disable_cuda_graphs" in arguments
    assert "--training.no-disable_cuda_graphs" in arguments_of(resolve_pretraining())


def test_the_trainer_interleaves_the_stages_as_planned() -> None:
    """torchtitan's default is one stage on each GPU; more than two have to be said in layers (78 + 2 over 4 x 4)."""
    once = arguments_of(resolve_pretraining(planned(nodes=8, pipeline=4)))
    assert once["--parallelism.pipeline_parallel_schedule"] == "1F1B"
    twice = arguments_of(resolve_pretraining(planned(nodes=8, pipeline=4, interleaved=2)))
    assert twice["--parallelism.pipeline_parallel_schedule"] == "Interleaved1F1B"
    layers = "--parallelism.pipeline_parallel_layers_per_stage"
    assert layers not in once.keys() | twice.keys()
    four = arguments_of(resolve_pretraining(planned(nodes=8, pipeline=4, interleaved=4), shape={"layers": 78}))
    assert four["--parallelism.pipeline_parallel_schedule"] == "Interleaved1F1B"
    assert four[layers] == "5"


def test_the_shards_are_the_rest_so_that_a_lost_node_isnt_missed() -> None:
    assert arguments_of(resolve_pretraining())["--parallelism.data_parallel_shard_degree"] == "-1"


def test_checkpoints_are_asynchronous_and_the_last_is_whole() -> None:
    arguments = arguments_of(resolve_pretraining(checkpoints={"keep": 1}))
    assert arguments["--checkpoint.interval"] == "250"
    assert arguments["--checkpoint.async_mode"] == "async"
    assert arguments["--checkpoint.keep_latest_k"] == "2"
    assert {"--checkpoint.enable", "--checkpoint.no-last_save_model_only"} <= arguments.keys()


def test_ones_own_options_come_last() -> None:
    arguments = arguments_of(resolve_pretraining(options={"comm": {"train_timeout_seconds": 600}, "debug.seed": 7}))
    assert arguments["--comm.train_timeout_seconds"] == "600"
    assert arguments["--debug.seed"] == "7"


def test_the_finished_models_config_is_transformers() -> None:
    config = job_of(resolve_pretraining(shape={"tied_embeddings": True, "head_dim": 32}))["config"]
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert (config["head_dim"], config["tie_word_embeddings"], config["vocab_size"]) == (32, True, 256)


def test_shapes_that_llama_doesnt_have_are_refused() -> None:
    with pytest.raises(LlmstratError, match="experts"):
        render_cluster_job(resolve_pretraining(shape={"experts": 8, "experts_per_token": 2}), KEY)

"""What a cluster's job consists of, as text: the launcher, its job, the trainer's files, requirements, scripts.

The runtimes put these files next to each other into `pretraining/<key>/code/`, whatever the names' folders, and run
`python3 cluster_launch.py` there on every node (`llmstrat_iac.cluster` says with which variables).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from llmstrat_iac.cluster import ENTRY, ENTRY_TEXT, FILES, PACKAGE, REQUIREMENTS, TRAINER_FILES
from llmstrat_iac.errors import PluginError
from llmstrat_iac.pretraining.acceptance import gate
from llmstrat_iac.pretraining.contract import ResolvedPretraining
from llmstrat_iac.pretraining.slurm import render_sbatch
from llmstrat_iac.pretraining.trainer import Trainer, TrainerRun

MOST_GENERATIONS = 100
"""Times that the nodes find together anew; then somebody should look."""
IDLE_MINUTES = 30
"""Without a step: the longest that a start, a compilation or a slow file system may take."""


def render_cluster_job(pretraining: ResolvedPretraining, key: str) -> dict[str, str]:
    """File names, some with a folder, to contents. LlmstratError if no cluster can do it; PluginError if the trainer's
    plugin renders what can't be used."""
    run = pretraining.framework.render(pretraining)
    ours = {
        ENTRY: ENTRY_TEXT,
        # Not empty: Pulumi's SDK for Python refuses an asset without text.
        f"{PACKAGE}/__init__.py": '"""The job\'s own code."""\n',
        **{f"{PACKAGE}/cluster/{name}": _source("cluster", name) for name in FILES},
        **{f"{PACKAGE}/trainer/{name}": _source("trainer", name) for name in TRAINER_FILES},
        "job.json": json.dumps(_job(pretraining, run, key), indent=2, sort_keys=True) + "\n",
        "job.sbatch": render_sbatch(pretraining, key),
    }
    if run.requirements.strip():
        ours[REQUIREMENTS] = run.requirements
    _check(pretraining.framework, run, ours)
    return {**ours, **run.files}


def allowed_nodes(pretraining: ResolvedPretraining) -> tuple[int, ...]:
    """Numbers of nodes with which the run can go on, the planned one first.

    The batch must divide over the ranks, and what the lost nodes held must fit on the others.
    """
    plan, batch = pretraining.plan, pretraining.trainer.batch_sequences
    degrees, gpus = plan.degrees, plan.instance.accelerators
    if not pretraining.framework.resizes:
        return (plan.nodes,)
    fixed = degrees.tensor * degrees.pipeline * degrees.context
    # Shards make up for a lost node; where there are none, replicas do.
    replicas = degrees.data_replicate if _shards(pretraining) else 1
    allowed = []
    for nodes in range(plan.nodes, 0, -1):
        data, rest = divmod(nodes * gpus, fixed)
        divides = rest == 0 and data % replicas == 0 and batch % (plan.micro_batch * data) == 0
        if divides and _sharded_gib(pretraining, nodes) <= plan.memory.headroom:
            allowed.append(nodes)
    return tuple(allowed) or (plan.nodes,)


def _sharded_gib(pretraining: ResolvedPretraining, nodes: int) -> float:
    """What each GPU holds more, with fewer nodes: weights, gradients and optimizer, as far as they are shared."""
    plan, engine = pretraining.plan, pretraining.framework.engine
    if not _shards(pretraining):
        return 0.0
    total = engine.state_bytes * pretraining.architecture.parameters * plan.degrees.data_replicate / 2**30
    gpus = plan.instance.accelerators
    return total / (nodes * gpus) - total / (plan.nodes * gpus)


def _shards(pretraining: ResolvedPretraining) -> bool:
    return "data_shard" in pretraining.framework.engine.divisions


def _job(pretraining: ResolvedPretraining, run: TrainerRun, key: str) -> dict[str, Any]:
    trainer, plan, framework = pretraining.trainer, pretraining.plan, pretraining.framework
    return {
        "key": key,
        "stack": pretraining.stack_name,
        "alias": pretraining.alias,
        "framework": framework.name,
        "framework_version": framework.version,
        "nodes": plan.nodes,
        # Fewer nodes than planned would be another cluster than the one to be tested.
        "allowed_nodes": [plan.nodes] if pretraining.gate_only else list(allowed_nodes(pretraining)),
        "spare_nodes": pretraining.cluster.spare_nodes,
        "processes": plan.instance.accelerators,
        "instance": plan.instance.name,
        "trainer": run.train.to_job(),
        "export": run.export.to_job(),
        "checkpoints": asdict(framework.checkpoints),
        "progress": framework.progress,
        "steps": pretraining.steps,
        "tokens_per_step": trainer.batch_sequences * trainer.sequence_length,
        "keep": trainer.checkpoints.keep,
        "corpus": {"source": pretraining.corpus.source, "format": pretraining.corpus.format},
        "tokenizer": {"source": pretraining.tokenizer.source, "revision": pretraining.tokenizer.revision},
        "config": None if run.config is None else dict(run.config),
        "gate": gate(pretraining),
        "generations": MOST_GENERATIONS,
        "idle_minutes": IDLE_MINUTES,
        "gate_only": pretraining.gate_only,
    }


def _check(trainer: Trainer, run: TrainerRun, ours: dict[str, str]) -> None:
    """Stop here what would fail only on the nodes."""
    problems = [*_unusable(run, ours), *unpinned(run.requirements)]
    if problems:
        raise PluginError(
            f"the trainer `{trainer.name}` renders what can't be used: {problems[0]}",
            remedy="repair or update its plugin; docs/plugins.md says what a trainer renders",
        )


def _unusable(run: TrainerRun, ours: dict[str, str]) -> Iterator[str]:
    taken = {name.partition("/")[0] for name in (*ours, REQUIREMENTS)}
    for name, text in run.files.items():
        if name.partition("/")[0] in taken:
            yield f"`{name}` is the launcher's"
        if not all(part.strip(".") for part in name.split("/")):
            yield f"`{name}` is no file below the job's folder"
        if not text:
            yield f"`{name}` is empty"
    for entry in (run.train, run.export):
        if entry.script is not None and entry.script not in run.files:
            yield f"the script `{entry.script}` is none of its files"


def unpinned(requirements: str) -> list[str]:
    """Requirements without a version or a hash, with which pip's `--require-hashes` would stop on every node."""
    lines = requirements.replace("\\\n", " ").splitlines()
    wanted = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    bad = [line for line in wanted if "==" not in line or "--hash=" not in line]
    return [f"the requirement `{line[:60]}` has no version or no hash" for line in bad]


def _source(package: str, name: str) -> str:
    return files(f"llmstrat_iac.{package}").joinpath(name).read_text(encoding="utf-8")

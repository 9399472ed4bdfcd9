"""What a cluster's job consists of, as text: the launcher, its job, torchtitan's configuration, requirements, scripts.

The runtimes put these files next to each other into `pretraining/<key>/code/`, whatever the names' folders, and run
`python3 cluster_launch.py` there on every node (`llmstrat_iac.cluster` says with which variables).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from llmstrat_iac.cluster import ENTRY, ENTRY_TEXT, FILES, PACKAGE, REQUIREMENTS, TRAINER_FILES
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.pretraining.acceptance import gate
from llmstrat_iac.pretraining.contract import ResolvedPretraining
from llmstrat_iac.pretraining.slurm import render_sbatch
from llmstrat_iac.pretraining.titan import MODULE, TITAN_VERSION, TitanRun, render_titan

MOST_GENERATIONS = 100
"""Times that the nodes find together anew; then somebody should look."""
IDLE_MINUTES = 30
"""Without a step: the longest that a start, a compilation or a slow file system may take."""

_FRAMEWORKS: dict[str, Callable[[ResolvedPretraining], TitanRun]] = {"torchtitan": render_titan}


def render_cluster_job(pretraining: ResolvedPretraining, key: str) -> dict[str, str]:
    """File names, some with a folder, to contents. LlmstratError if no cluster can do it, or no built-in trainer."""
    run = _run(pretraining)
    return {
        ENTRY: ENTRY_TEXT,
        # Not empty: Pulumi's SDK for Python refuses an asset without text.
        f"{PACKAGE}/__init__.py": '"""The job\'s own code."""\n',
        **{f"{PACKAGE}/cluster/{name}": _source("cluster", name) for name in FILES},
        **{f"{PACKAGE}/trainer/{name}": _source("trainer", name) for name in TRAINER_FILES},
        "job.json": json.dumps(_job(pretraining, run, key), indent=2, sort_keys=True) + "\n",
        f"{MODULE}.py": run.module,
        "requirements.txt": _source("cluster", REQUIREMENTS),
        "job.sbatch": render_sbatch(pretraining, key),
    }


def allowed_nodes(pretraining: ResolvedPretraining) -> tuple[int, ...]:
    """Numbers of nodes with which the run can go on, the planned one first.

    The batch must divide over the ranks, and what the lost nodes held must fit on the others.
    """
    plan, batch = pretraining.plan, pretraining.trainer.batch_sequences
    degrees, gpus = plan.degrees, plan.instance.accelerators
    fixed = degrees.tensor * degrees.pipeline * degrees.context
    allowed = []
    for nodes in range(plan.nodes, 0, -1):
        data, rest = divmod(nodes * gpus, fixed)
        divides = rest == 0 and data % degrees.data_replicate == 0 and batch % (plan.micro_batch * data) == 0
        if divides and _sharded_gib(pretraining, nodes) <= plan.memory.headroom:
            allowed.append(nodes)
    return tuple(allowed) or (plan.nodes,)


def _sharded_gib(pretraining: ResolvedPretraining, nodes: int) -> float:
    """What each GPU holds more, with fewer nodes: 16 bytes a parameter (weights, gradients, Adam) over all GPUs."""
    plan = pretraining.plan
    copies = plan.degrees.data_replicate
    total = 16 * pretraining.architecture.parameters * copies / 2**30
    gpus = plan.instance.accelerators
    return total / (nodes * gpus) - total / (plan.nodes * gpus)


def _run(pretraining: ResolvedPretraining) -> TitanRun:
    name = pretraining.trainer.framework
    try:
        render = _FRAMEWORKS[name]
    except KeyError:
        known = ", ".join(f"`{each}`" for each in sorted(_FRAMEWORKS))
        message = f"trainer.framework: nothing renders `{name}`"
        raise LlmstratError(message, remedy=f"choose one of {known}") from None
    return render(pretraining)


def _job(pretraining: ResolvedPretraining, run: TitanRun, key: str) -> dict[str, Any]:
    trainer, plan = pretraining.trainer, pretraining.plan
    return {
        "key": key,
        "stack": pretraining.stack_name,
        "alias": pretraining.alias,
        "framework": trainer.framework,
        "torchtitan": TITAN_VERSION,
        "nodes": plan.nodes,
        # Fewer nodes than planned would be another cluster than the one to be tested.
        "allowed_nodes": [plan.nodes] if pretraining.gate_only else list(allowed_nodes(pretraining)),
        "spare_nodes": pretraining.cluster.spare_nodes,
        "processes": plan.instance.accelerators,
        "instance": plan.instance.name,
        "trainer": {"module": f"{PACKAGE}.cluster.titan_job", "arguments": list(run.arguments)},
        "export": {"module": f"{PACKAGE}.cluster.hub_export", "arguments": ["--module", MODULE]},
        "steps": pretraining.steps,
        "tokens_per_step": trainer.batch_sequences * trainer.sequence_length,
        "keep": trainer.checkpoints.keep,
        "corpus": {"source": pretraining.corpus.source, "format": pretraining.corpus.format},
        "tokenizer": {"source": pretraining.tokenizer.source, "revision": pretraining.tokenizer.revision},
        "config": run.config,
        "gate": gate(pretraining),
        "generations": MOST_GENERATIONS,
        "idle_minutes": IDLE_MINUTES,
        "gate_only": pretraining.gate_only,
    }


def _source(package: str, name: str) -> str:
    return files(f"llmstrat_iac.{package}").joinpath(name).read_text(encoding="utf-8")

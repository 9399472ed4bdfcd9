"""`plan` announces exactly what the program registers: type by type, for every shape of spec that changes the count."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from components_kit import EXPIRES, deploy
from open_kit import load as load_training

from llmstrat_iac.hookspecs import ProgramContext, ResolvedSpec
from llmstrat_iac.open_model import MODEL_SECRET
from llmstrat_iac.planner.load import load_spec
from llmstrat_iac.program import run
from llmstrat_iac.target import Target
from llmstrat_iac.tuning import TUNING_SECRET, JobState, TuningJob, TuningState

ROOT = Path(__file__).parents[3]
SPECS = [
    *sorted((ROOT / "examples").rglob("*.yaml")),
    *(
        ROOT / "tests" / "specs" / "valid" / f"{name}.yaml"
        for name in ("smallest", "json", "everything", "open-smallest")
    ),
]


def registered(resolved: ResolvedSpec, tuning: TuningState | None = None) -> Counter[str]:
    """The types that the program registers, counted."""
    expires = EXPIRES if resolved.spec.limits.ttl.duration else None
    secrets = dict.fromkeys([*resolved.providers, TUNING_SECRET, MODEL_SECRET], "sk-test")
    context = ProgramContext(resolved, Target(), expires, secrets, tuning)
    return Counter(each.type for each in deploy(lambda: run(context)).registrations)


def completed(resolved: ResolvedSpec) -> TuningState:
    """The state in which the spec's own job is over and well."""
    own, tuning = resolved.job, resolved.tuning
    assert own is not None
    job = TuningJob(
        identity=own.identity,
        name="job",
        vendor_id="projects/p/locations/l/tuningJobs/1",
        state=JobState.COMPLETED,
        model_id="projects/p/locations/l/models/1",
        inputs={
            "key": f"{own.identity}-1",
            "base_model": tuning.block.base_model if tuning else "",
            "endpoint": "e",
            "output": "s3://b/o",
        },
    )
    return TuningState(job)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: "-".join(path.relative_to(ROOT).with_suffix("").parts[1:]))
def test_the_outline_is_what_the_program_registers(path: Path) -> None:
    """With tuning, the plan is of the stack as it is in the end, and of the dataset as it is until then."""
    resolved = load_spec(path)
    planned = Counter({resource.type: resource.count for resource in resolved.strategy.plan(resolved).resources})
    if resolved.job is None:
        assert planned == registered(resolved)
    else:
        assert planned == registered(resolved, TuningState()) | registered(resolved, completed(resolved))


@pytest.mark.parametrize("runtime", ["ec2", "sagemaker"])
def test_the_outline_of_a_training_alone(runtime: str, tmp_path: Path) -> None:
    resolved = load_training(tmp_path, training={"runtime": runtime})
    planned = Counter({resource.type: resource.count for resource in resolved.strategy.plan(resolved).resources})
    assert planned == registered(resolved, TuningState())
    assert planned["aws:budgets/budget:Budget"] == 1

"""`cluster.acceptance: only` on all three runtimes: the cluster of the training, with a job that is the gate alone."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from components_kit import Deployed
from managed_cluster_kit import FILES, counted, known_job, planned, pretraining_of, registered, resolve

from llmstrat_iac.components.ec2.cluster import cluster as ec2_cluster
from llmstrat_iac.components.hyperpod.cluster import cluster as hyperpod_cluster
from llmstrat_iac.components.sagemaker.cluster import cluster as sagemaker_cluster
from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.pretraining.contract import ResolvedPretraining
from llmstrat_iac.tuning import JobState, TuningState

CLUSTERS: dict[str, Any] = {"sagemaker": sagemaker_cluster, "ec2": ec2_cluster, "hyperpod": hyperpod_cluster}
RUNTIMES = tuple(CLUSTERS)
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
Make = Callable[..., ResolvedSpec]


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(runtime: str, tmp_path: Path) -> Make:
    def made(**changes: Any) -> ResolvedSpec:
        instance = "p5.48xlarge" if runtime == "ec2" else "ml.p5.48xlarge"
        return resolve(tmp_path, runtime, **{"instance": instance, **FILES, **changes})

    return made


def gate(make: Make, **changes: Any) -> ResolvedPretraining:
    return pretraining_of(make(acceptance="only", **changes))


def job_of(deployed: Deployed) -> dict[str, Any]:
    """`job.json`, as it is uploaded."""
    (found,) = [each for each in deployed.of(OBJECT) if each.inputs["key"].endswith("/code/job.json")]
    job: dict[str, Any] = json.loads(found.inputs["source"].text)
    return job


def test_it_is_known_by_the_cluster_and_the_training_by_its_model(make: Make) -> None:
    training = pretraining_of(make())
    tested = gate(make)
    assert re.fullmatch(r"gate[0-9a-f]{8}", tested.identity)
    assert tested.model_identity == training.identity
    assert tested.job_name(attempt=2) == f"tiny-dev-{tested.identity}-2"
    # Another model on the same cluster needs no other test; other nodes do.
    assert gate(make, trainer={"seed": 7}).identity == tested.identity
    assert gate(make, nodes=4).identity != tested.identity
    assert gate(make, spare_nodes=1).identity != tested.identity
    assert pretraining_of(make(acceptance="before-training")).identity == training.identity


def test_the_cluster_is_the_trainings(runtime: str, make: Make) -> None:
    """As many resources of each type, planned as well as registered."""
    alone = make(acceptance="only")
    deployed, _ = registered(CLUSTERS[runtime], alone)
    training, _ = registered(CLUSTERS[runtime], make())
    assert counted(deployed) == counted(training)
    pretraining = pretraining_of(make(acceptance="only"))
    assert pretraining.runtime.plan_cluster is not None
    plan = pretraining.runtime.plan_cluster(pretraining)
    assert planned((*plan.resources, *plan.remaining))[OBJECT] == counted(deployed)[OBJECT]


def test_its_job_says_so_and_takes_no_fewer_nodes(runtime: str, make: Make) -> None:
    job = job_of(registered(CLUSTERS[runtime], make(acceptance="only"))[0])
    assert job["key"].startswith("gate")
    assert (job["gate_only"], job["nodes"], job["allowed_nodes"]) == (True, 2, [2])
    assert job["gate"]["nodes_gb_s"] == 280.0
    training = job_of(registered(CLUSTERS[runtime], make())[0])
    assert (training["gate_only"], training["allowed_nodes"]) == (False, [2, 1])


def test_it_may_last_for_hours_not_for_days(runtime: str, make: Make) -> None:
    deployed, _ = registered(CLUSTERS[runtime], make(acceptance="only"))
    assert _limit(runtime, deployed) == 6 * 3600
    longer, _ = registered(CLUSTERS[runtime], make())
    assert _limit(runtime, longer) > 3 * 86_400


def _limit(runtime: str, deployed: Deployed) -> int:
    """Seconds."""
    if runtime == "sagemaker":
        job = deployed.one("aws:sagemaker/trainingJob:TrainingJob")
        return int(job.inputs["stoppingCondition"]["maxRuntimeInSeconds"])
    if runtime == "ec2":
        data = base64.b64decode(deployed.one("aws:ec2/launchTemplate:LaunchTemplate").inputs["userData"])
        text = (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode()
    else:
        (env,) = [each for each in deployed.of(OBJECT) if each.inputs["key"].endswith("/lifecycle/env")]
        text = env.inputs["content"]
    found = re.search(r"LLMSTRAT_MAX_SECONDS='?(\d+)", text)
    assert found is not None
    return int(found.group(1))


@pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.FAILED])
def test_when_it_is_over_the_cluster_goes(runtime: str, make: Make, state: JobState) -> None:
    alone = make(acceptance="only")
    over = known_job(alone, state)
    deployed, _ = registered(CLUSTERS[runtime], alone, TuningState(over))
    for kind in ("autoscaling/group:Group", "cloudcontrol/resource:Resource", "fsx/lustreFileSystem", "ec2/vpc:Vpc"):
        assert not [each for each in deployed.registrations if kind in each.type]


@pytest.mark.parametrize("stays", [True, False])
def test_a_hyperpod_cluster_stays_as_long_as_for_a_training(tmp_path: Path, stays: bool) -> None:
    options = {"delete_when_over": not stays}
    texts = []
    for acceptance in ("only", "before-training"):
        resolved = resolve(tmp_path, "hyperpod", acceptance=acceptance, options=options)
        deployed, _ = registered(hyperpod_cluster, resolved)
        (env,) = [each for each in deployed.of(OBJECT) if each.inputs["key"].endswith("/lifecycle/env")]
        texts.append(re.search(r"LLMSTRAT_DELETE=(\S+)", env.inputs["content"]))
    assert all(found is not None and found.group(1) == ("0" if stays else "1") for found in texts)

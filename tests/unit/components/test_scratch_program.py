"""Strategy D's program: the cluster first, then the fleet for what has come of it, and the gateway all the time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from components_kit import EXPIRES, Deployed, deploy

from llmstrat_iac.hookspecs import ProgramContext, ResolvedSpec
from llmstrat_iac.open_model import MODEL_SECRET
from llmstrat_iac.planner.load import load_spec
from llmstrat_iac.program import run
from llmstrat_iac.strategies.from_scratch.preflight import cluster_needs
from llmstrat_iac.strategies.from_scratch.program import finished_weights
from llmstrat_iac.target import Target
from llmstrat_iac.tuning import JobState, TuningJob, TuningState

SPEC = """
apiVersion: llmstrat/v1
name: own-model
strategy: D
owner: owner@example.com
region: us-east-1
data: {classification: internal}
limits: {ttl: 10d}
endpoint:
  consumers: [{name: web, models: [own, own-legal, nova]}]
model_alias: own
architecture: {preset: llama-1b}
tokenizer:
  source: meta-llama/Llama-3.1-8B
  revision: 0e9e39f249a16976918f6564b8830bc894c89659
  token: {secret: "env:HF_TOKEN"}
corpus: {source: "s3://example/text/", tokens: 10B}
trainer: {tokens: 2B, batch_sequences: 256}
cluster: {runtime: ec2, instance: p4d.24xlarge, nodes: 2, storage: {kind: s3}}
serving:
  runtime: ec2
  max_context: 4096
  adapters: [{alias: own-legal, source: "s3://example/adapter/", rank: 16}]
providers:
  - name: bedrock
    models: [{alias: nova, id: "amazon.nova-lite-v1:0"}]
"""
OUTPUT = "s3://own-model-dev-artifacts-0123456789ab/pretraining/abc-1/output/"


def resolve(folder: Path, *changes: tuple[str, str]) -> ResolvedSpec:
    """The spec, with texts replaced."""
    text = SPEC
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return load_spec(path)


def job(identity: str, state: JobState = JobState.COMPLETED) -> TuningJob:
    model = OUTPUT if state is JobState.COMPLETED else None
    return TuningJob(
        identity=identity,
        name="own-model-dev-abc",
        vendor_id="i-0",
        state=state,
        model_id=model,
        inputs={"key": f"{identity}-1"},
    )


def deployed(resolved: ResolvedSpec, state: TuningState) -> Deployed:
    context = ProgramContext(resolved, Target(), EXPIRES, {MODEL_SECRET: "a-token"}, state)
    return deploy(lambda: run(context))


def identity_of(resolved: ResolvedSpec) -> str:
    assert resolved.pretraining is not None
    return resolved.pretraining.identity


def test_the_first_run_makes_the_cluster_and_serves_nothing_yet(tmp_path: Path) -> None:
    resolved = resolve(tmp_path)
    made = deployed(resolved, TuningState())
    assert made.of("aws:autoscaling/group:Group"), "the nodes"
    assert not made.of("aws:lb/loadBalancer:LoadBalancer")
    assert "fleet" not in made.outputs
    assert made.outputs["cluster"]["runtime"] == "ec2"
    assert made.outputs["consumers"] == {"web": ["nova"]}
    told = made.outputs["job"]
    assert (told["alias"], told["identity"], told["settled"]) == ("own", identity_of(resolved), False)
    assert (told["served_identity"], told["served_model"]) == (None, None)


def test_a_fallback_answers_until_there_is_a_model(tmp_path: Path) -> None:
    resolved = resolve(tmp_path, ("max_context: 4096", "max_context: 4096\n  fallback: [nova]"))
    made = deployed(resolved, TuningState())
    assert made.outputs["consumers"] == {"web": ["nova", "own", "own-legal"]}
    assert "fleet" not in made.outputs


def test_a_completed_job_makes_room_for_the_fleet(tmp_path: Path) -> None:
    resolved = resolve(tmp_path)
    made = deployed(resolved, TuningState(job(identity_of(resolved))))
    assert not made.of("aws:ec2/placementGroup:PlacementGroup"), "the cluster is gone"
    assert made.of("aws:lb/loadBalancer:LoadBalancer")
    assert made.outputs["fleet"]["runtime"] == "ec2"
    assert made.outputs["consumers"] == {"web": ["nova", "own", "own-legal"]}
    assert made.outputs["job"]["settled"] is True
    assert made.outputs["job"]["served_identity"] == identity_of(resolved)


def test_an_earlier_model_serves_while_the_next_is_trained(tmp_path: Path) -> None:
    resolved = resolve(tmp_path)
    state = TuningState(job(identity_of(resolved), JobState.RUNNING), serving=job("0" * 12))
    made = deployed(resolved, state)
    assert len(made.of("aws:autoscaling/group:Group")) == 2, "nodes and fleet"
    assert made.outputs["job"]["served_identity"] == "0" * 12
    assert made.outputs["job"]["settled"] is False


@pytest.mark.parametrize("earlier", [None, "0" * 12])
@pytest.mark.parametrize("over", [False, True])
def test_a_tested_cluster_is_no_model_to_serve(tmp_path: Path, earlier: str | None, over: bool) -> None:
    """An earlier one goes on to serve, as it does beside a training."""
    resolved = resolve(tmp_path, ("nodes: 2,", "nodes: 2, acceptance: only,"))
    identity = identity_of(resolved)
    tested = job(identity) if over else None
    made = deployed(resolved, TuningState(tested, job(earlier) if earlier else None, deploy=False))
    told = made.outputs["job"]
    assert (told["identity"], told["served_identity"], told["settled"]) == (identity, earlier, over)
    assert identity.startswith("gate")
    assert ("fleet" in made.outputs) is (earlier is not None)
    groups = {each.inputs["name"] for each in made.of("aws:autoscaling/group:Group")}
    assert any("gate" in name for name in groups) is not over
    assert len(groups) == (not over) + (earlier is not None)


def test_the_tokenizers_token_is_a_secret_that_no_output_shows(tmp_path: Path) -> None:
    made = deployed(resolve(tmp_path), TuningState())
    assert made.of("aws:secretsmanager/secret:Secret")
    assert "a-token" not in str(made.outputs)


def test_without_serving_there_is_no_gateway_and_no_end_of_the_story(tmp_path: Path) -> None:
    start, end = SPEC.index("serving:"), SPEC.index("providers:")
    endpoint = SPEC[SPEC.index("endpoint:") : SPEC.index("model_alias:")]
    resolved = resolve(tmp_path, (SPEC[start:], ""), (endpoint, ""))
    assert end > start
    for state in (TuningState(), TuningState(job(identity_of(resolved)))):
        made = deployed(resolved, state)
        assert not made.of("aws:apigateway/restApi:RestApi")
        assert {"job", "cluster", "artifacts_bucket", "expires"} <= set(made.outputs)


@pytest.mark.parametrize("output", [OUTPUT, OUTPUT.rstrip("/"), f"{OUTPUT}hf/"])
def test_the_engine_loads_the_converted_model(output: str, tmp_path: Path) -> None:
    resolved = resolve(tmp_path)
    assert resolved.open_model is not None
    assert resolved.open_model.serving is not None
    done = TuningJob("abc", "job", "i-0", JobState.COMPLETED, model_id=output)
    weights = finished_weights(resolved.open_model.serving, done)
    assert (weights.model, weights.revision, weights.served_name) == (f"{OUTPUT}hf/", None, "own")
    assert [each.served_name for each in weights.adapters] == ["own-legal"]


@pytest.mark.parametrize(
    ("cluster", "vcpus"),
    [
        ({}, 192.0),
        ({"spare_nodes": 1}, 288.0),
        ({"capacity": "reservation", "reservation": "cr-0123456789abcdef0", "zone": "us-east-1a"}, None),
    ],
)
def test_quotas_count_all_nodes_but_those_that_are_reserved(
    cluster: dict[str, Any], vcpus: float | None, tmp_path: Path
) -> None:
    extra = "".join(f", {key}: {value}" for key, value in cluster.items())
    resolved = resolve(tmp_path, ("storage: {kind: s3}}", f"storage: {{kind: s3}}{extra}}}"))
    assert resolved.pretraining is not None
    assert [each.need for each in cluster_needs(resolved.pretraining)] == ([] if vcpus is None else [vcpus])


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        (
            "capacity: capacity-block, reservation: cr-0123456789abcdef0",
            "capacity block cr-0123456789abcdef0, which is paid",
        ),
        ("capacity: reservation, reservation: cr-0123456789abcdef0", "which bills until it is cancelled"),
    ],
)
def test_the_receipt_names_capacity_that_a_teardown_cant_end(tmp_path: Path, cluster: str, words: str) -> None:
    resolved = resolve(tmp_path, ("nodes: 2, storage: {kind: s3}", f"nodes: 2, zone: us-east-1a, {cluster}"))
    *_, kept = deployed(resolved, TuningState()).outputs["kept"]
    assert words in kept
    assert len(deployed(resolve(tmp_path), TuningState()).outputs["kept"]) == 1, "the role for API Gateway's logs"

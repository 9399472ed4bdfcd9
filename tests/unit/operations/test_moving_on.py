"""What a stack loses when its spec moves on to another strategy."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmstrat_iac.engine.results import Outputs, Snapshot
from llmstrat_iac.operations.tuning import abandoned_model
from llmstrat_iac.planner.load import load_spec

EXAMPLES = Path(__file__).parents[3] / "examples"
MODEL = "s3://bucket-of-ours/training/0123-1/output/"


@pytest.mark.parametrize(
    ("spec", "outputs", "lost"),
    [
        ("closed-api/one-provider.yaml", {"artifacts_bucket": "bucket-of-ours", "job": {"served_model": MODEL}}, MODEL),
        ("closed-api/one-provider.yaml", {"artifacts_bucket": "bucket-of-ours", "job": {"served_model": None}}, None),
        ("closed-api/one-provider.yaml", {"job": {"served_model": "ft:gpt-5.2:ours"}}, None),
        ("closed-api/one-provider.yaml", {}, None),
        (
            "open-model/llama-3.1-8b-serve/spec.yaml",
            {"artifacts_bucket": "bucket-of-ours", "job": {"served_model": MODEL}},
            None,
        ),
    ],
    ids=["lost", "not trained yet", "a vendor's", "nothing", "the bucket stays"],
)
def test_a_trained_model_goes_with_its_bucket(spec: str, outputs: dict[str, object], lost: str | None) -> None:
    snapshot = Snapshot((), (), Outputs(outputs, frozenset()))
    assert abandoned_model(load_spec(EXAMPLES / spec), snapshot) == lost
    assert abandoned_model(load_spec(EXAMPLES / spec), None) is None

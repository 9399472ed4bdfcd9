"""The committed JSON Schema is fresh, and refuses what editors should mark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from llmstrat_iac.planner.schema import build_schema
from llmstrat_iac.plugins import create_registry
from llmstrat_iac.spec.document import read_document

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "schema" / "llmstrat-v1.schema.json"


@pytest.fixture
def spec() -> dict[str, Any]:
    return read_document(ROOT / "examples" / "closed-api" / "several-providers.yaml").data


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = build_schema(create_registry())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_committed_schema_is_fresh() -> None:
    fresh = build_schema(create_registry())
    assert json.loads(COMMITTED.read_text(encoding="utf-8")) == fresh, (
        "run `make schema`, or `llmstrat schema --output schema/llmstrat-v1.schema.json`"
    )


def test_every_field_says_what_it_is_for() -> None:
    schema = build_schema(create_registry())
    silent = [
        f"{name}.{field}"
        for name, definition in schema["$defs"].items()
        for field, described in definition.get("properties", {}).items()
        if "description" not in described
    ]
    assert silent == []


@pytest.mark.parametrize("path", sorted((ROOT / "tests/specs/valid").glob("*.yaml")), ids=lambda path: path.stem)
def test_valid_specs_are_accepted(path: Path, validator: jsonschema.Draft202012Validator) -> None:
    validator.validate(read_document(path).data)


def test_numbers_may_have_underscores_as_editors_see_them(
    spec: dict[str, Any], validator: jsonschema.Draft202012Validator
) -> None:
    spec["endpoint"]["consumers"][0]["tokens_per_month"] = "20_000_000"
    assert validator.is_valid(spec)


def test_letters_are_accepted(spec: dict[str, Any], validator: jsonschema.Draft202012Validator) -> None:
    assert validator.is_valid(spec | {"strategy": "A"})


def test_mistakes_are_refused(spec: dict[str, Any], validator: jsonschema.Draft202012Validator) -> None:
    openai, gemini, bedrock = spec["providers"]
    mistakes: dict[str, dict[str, Any]] = {
        "unknown strategy": spec | {"strategy": "Z"},
        "unknown key": spec | {"ownr": "x"},
        "unknown region": spec | {"region": "us-esat-1"},
        "unknown provider": spec | {"providers": [openai | {"name": "opnai"}]},
        "unknown option": spec | {"providers": [openai | {"options": {"base_uri": "x"}}]},
        "another provider's option": spec | {"providers": [gemini | {"options": {"base_url": "https://a.example"}}]},
        "key where none is needed": spec | {"providers": [bedrock | {"credentials": {"secret": "x"}}]},
        "no key where one is needed": spec | {"providers": [{k: openai[k] for k in ("name", "models")}]},
        "ttl without unit": spec | {"limits": {"ttl": "72"}},
    }
    assert [name for name, mistake in mistakes.items() if validator.is_valid(mistake)] == []


def test_mistakes_about_an_open_model_are_refused(validator: jsonschema.Draft202012Validator) -> None:
    spec = read_document(ROOT / "tests/specs/valid/open-everything.yaml").data
    serving, training = spec["serving"], spec["training"]
    mistakes: dict[str, dict[str, Any]] = {
        "unknown runtime": spec | {"serving": serving | {"runtime": "ec3"}},
        "another runtime's option": spec | {"serving": serving | {"options": {"scale_to_zero": True}}},
        "unknown method": spec | {"training": training | {"method": "dora"}},
        "unknown quantization": spec | {"serving": serving | {"quantization": "int2"}},
        "an option of training in serving": spec | {"serving": serving | {"options": {"volume_gb": 100}}},
        "no model": {key: value for key, value in spec.items() if key != "model"},
    }
    assert validator.is_valid(spec)
    assert [name for name, mistake in mistakes.items() if validator.is_valid(mistake)] == []


def test_mistakes_about_a_model_from_scratch_are_refused(validator: jsonschema.Draft202012Validator) -> None:
    spec = read_document(ROOT / "tests/specs/valid/scratch-everything.yaml").data
    cluster, trainer = spec["cluster"], spec["trainer"]
    default = {key: value for key, value in cluster.items() if key not in ("runtime", "options")}
    mistakes: dict[str, dict[str, Any]] = {
        "unknown runtime": spec | {"cluster": cluster | {"runtime": "eks"}},
        "a fleet's option": spec | {"cluster": cluster | {"options": {"scale_to_zero": True}}},
        "another runtime's option, by default": spec | {"cluster": default | {"options": {"deep_health_checks": True}}},
        "unknown capacity": spec | {"cluster": cluster | {"capacity": "free"}},
        "unknown precision": spec | {"trainer": trainer | {"precision": "fp4"}},
        "a throughput that FSx hasn't": spec | {"cluster": cluster | {"storage": {"mbps_per_tib": 300}}},
        "no corpus": {key: value for key, value in spec.items() if key != "corpus"},
    }
    assert validator.is_valid(spec)
    assert validator.is_valid(spec | {"cluster": default | {"options": {"max_runtime": "5d"}}})
    assert [name for name, mistake in mistakes.items() if validator.is_valid(mistake)] == []

"""The catalogue of open models: shapes that count right, licences, and what is found for a spec's `model:`."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from llmstrat_iac.catalog.architecture import Architecture
from llmstrat_iac.catalog.open_models import OpenModel, describe, find_model, licences, open_models
from llmstrat_iac.spec.open_model import ArchitectureBlock, ModelBlock

COMMIT = "0" * 40
SHAPE = ArchitectureBlock(
    layers=2, hidden_size=64, attention_heads=4, intermediate_size=128, vocab_size=256, max_context=512
)
each_model = pytest.mark.parametrize("model", open_models(), ids=[model.id for model in open_models()])


def shape(hub_id: str) -> Architecture:
    model = find_model(hub_id)
    assert model is not None
    return model.architecture


@each_model
def test_a_model_has_a_source_a_date_and_a_licence(model: OpenModel) -> None:
    assert model.source
    assert date.fromisoformat(model.as_of)
    assert model.licence in licences()
    assert model.architecture.attention_heads % model.architecture.kv_heads == 0


@pytest.mark.parametrize("model", [m for m in open_models() if m.architecture.published_parameters], ids=lambda m: m.id)
def test_parameters_counted_from_the_shape_are_those_that_were_published(model: OpenModel) -> None:
    # Llama 2 was published with its rotary frequencies, 2048 numbers or so: hence not to the last digit.
    counted, published = model.architecture.counted_parameters, model.architecture.published_parameters
    assert counted == pytest.approx(published, rel=1e-6)


@pytest.mark.parametrize(
    ("hub_id", "billions", "active"),
    [
        ("mistralai/Mistral-7B-v0.1", 7.24, 7.11),
        ("mistralai/Mixtral-8x7B-v0.1", 46.7, 12.7),
        ("mistralai/Mixtral-8x22B-v0.1", 141, 39),
        ("Qwen/Qwen2.5-7B", 7.62, 7.07),
        ("Qwen/Qwen2.5-0.5B-Instruct", 0.494, 0.494),
        ("Qwen/Qwen3-30B-A3B", 30.5, 3.04),
        ("Qwen/Qwen3-235B-A22B", 235, 21.6),
        ("google/gemma-2-27b-it", 27.2, 27.2),
        ("openai/gpt-oss-120b", 117, 5.1),
        ("meta-llama/Llama-4-Maverick-17B-128E-Instruct", 400, 16.2),
    ],
)
def test_model_cards_agree(hub_id: str, billions: float, active: float) -> None:
    assert shape(hub_id).parameters / 1e9 == pytest.approx(billions, rel=0.005)
    assert shape(hub_id).active_parameters / 1e9 == pytest.approx(active, rel=0.01)


def test_all_experts_count_though_a_token_meets_two() -> None:
    mixtral = shape("mistralai/Mixtral-8x7B-v0.1")
    dense = replace(mixtral, experts=None, experts_per_token=None)
    assert mixtral.mlp_parameters == pytest.approx(8 * dense.mlp_parameters, rel=1e-3)


def test_tied_embeddings_count_once() -> None:
    llama = shape("meta-llama/Llama-3.2-1B")
    untied = replace(llama, tied_embeddings=False)
    assert untied.parameters - llama.parameters == llama.vocab_size * llama.hidden_size


def test_grouped_heads_have_a_smaller_cache() -> None:
    assert shape("meta-llama/Llama-2-7b-hf").kv_bytes_per_token == 524288
    assert shape("meta-llama/Llama-3.1-8B").kv_bytes_per_token == 131072


def test_licences_are_what_specs_accept() -> None:
    names = {licence.name for licence in licences()}
    assert {"llama2", "llama3.1", "llama3.3", "apache-2.0", "gemma"} <= names
    llama, mistral = find_model("meta-llama/Llama-2-7b-hf"), find_model("mistralai/Mistral-7B-v0.3")
    assert llama is not None
    assert llama.licence is not None
    assert llama.licence.must_accept
    assert mistral is not None
    assert mistral.licence is not None
    assert not mistral.licence.must_accept


def test_a_model_is_found_whatever_its_case() -> None:
    assert find_model("META-llama/llama-3.1-8b") == find_model("meta-llama/Llama-3.1-8B")
    assert find_model("meta-llama/Llama-9") is None


def test_weights_in_s3_have_the_shape_of_their_base() -> None:
    block = ModelBlock(alias="own", id="s3://my-bucket/weights/", base="meta-llama/Llama-3.1-8B")
    assert describe(block) == find_model("meta-llama/Llama-3.1-8B")


def test_a_model_that_nobody_knows_is_described_by_its_architecture() -> None:
    block = ModelBlock(alias="own", id="nobody/nothing", revision=COMMIT, architecture=SHAPE)
    described = describe(block)
    assert described is not None
    assert described.architecture.kv_heads == described.architecture.attention_heads == 4
    assert described.architecture.head_dim == 16
    assert (described.licence, described.gated) == (None, None)


def test_nothing_is_made_up_of_a_model_without_either() -> None:
    assert describe(ModelBlock(alias="own", id="nobody/nothing", revision=COMMIT)) is None

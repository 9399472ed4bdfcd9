"""What speaks against an open model: licence, token, memory, heads, ranks, formats, data, and a fleet nobody wakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from open_kit import CLOSED, LLAMA, OPEN, findings, plan
from tuned_kit import pairs

from llmstrat_iac.plan import Severity

BASE = LLAMA | {"id": "meta-llama/Llama-3.1-8B", "revision": "0" * 40}
HUGE = LLAMA | {"id": "meta-llama/Llama-3.1-405B-Instruct", "revision": "0" * 40}
GPT_OSS = OPEN | {"id": "openai/gpt-oss-20b"}
SHAPE = {
    "layers": 2,
    "hidden_size": 64,
    "attention_heads": 4,
    "intermediate_size": 128,
    "vocab_size": 1000,
    "max_context": 8192,
}
SYSTEM = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Where is it?"},
    {"role": "assistant", "content": "Here."},
]


def test_a_model_in_order_is_not_spoken_against(tmp_path: Path) -> None:
    made = plan(tmp_path, load={"requests_per_month": 1000, "input_tokens": 100, "output_tokens": 50})
    assert made.findings == ()


def test_an_unaccepted_licence_is_named_with_its_conditions_and_the_line_to_add(tmp_path: Path) -> None:
    model = {key: value for key, value in LLAMA.items() if key != "accept_licence"}
    finding = findings(tmp_path, model=model)["licence-not-accepted"]
    assert finding.severity is Severity.ERROR
    assert "Llama 3.1 Community License" in finding.message
    assert "700 million" in finding.reason
    assert "`accept_licence: llama3.1`" in finding.remedy
    assert "https://" in finding.remedy


def test_the_licence_of_another_model_is_not_accepted(tmp_path: Path) -> None:
    finding = findings(tmp_path, model=LLAMA | {"accept_licence": "llama2"})["licence-not-accepted"]
    assert "isn't `llama2`" in finding.message


@pytest.mark.parametrize(("accepted", "expected"), [(None, True), ("house-licence", False)])
def test_a_licence_that_isnt_known_is_to_be_read(accepted: str | None, expected: bool, tmp_path: Path) -> None:
    model = {"id": "example/house", "revision": "0" * 40, "architecture": SHAPE, "accept_licence": accepted}
    assert ("licence-unknown" in findings(tmp_path, model=model)) is expected


def test_a_copy_in_s3_keeps_the_licence_and_needs_no_token(tmp_path: Path) -> None:
    found = findings(tmp_path, model={"id": "s3://example/llama/", "base": LLAMA["id"]})
    assert "licence-not-accepted" in found
    assert "gated-without-token" not in found


def test_gated_weights_need_a_token(tmp_path: Path) -> None:
    model = {key: value for key, value in LLAMA.items() if key != "token"}
    finding = findings(tmp_path, model=model)["gated-without-token"]
    assert (finding.severity, finding.path) == (Severity.ERROR, "model.token")
    assert not {"gated-without-token", "licence-not-accepted"} & set(findings(tmp_path, model=OPEN))


@pytest.mark.parametrize(
    ("parts", "path", "words", "remedy"),
    [
        (
            {"serving": {"instance": "g4dn.xlarge"}},
            "serving.instance",
            ("g4dn.xlarge", "GiB", "13.4"),
            "instance: auto",
        ),
        ({"serving": {"max_context": 131072, "concurrency": 1024}}, "serving.instance", ("any of",), "max_context"),
        ({"serving": {"tensor_parallel": 16}}, "serving.instance", ("16",), "set `tensor_parallel: auto`, or choose"),
        ({"serving": {"instance": "p3.2xlarge"}}, "serving.instance", ("7.5",), "set `instance: auto`, or choose"),
        (
            {"model": GPT_OSS, "serving": {"quantization": "fp8"}},
            "serving.instance",
            ("mxfp4",),
            "leave `quantization` out, or choose",
        ),
        ({"model": GPT_OSS, "training": {}}, "training.instance", ("mxfp4",), "set `method: lora`, or choose"),
        (
            {"training": {"instance": "g4dn.xlarge"}},
            "training.instance",
            ("bfloat16",),
            "set `method: lora`, set `inst",
        ),
        ({"model": HUGE, "training": {"method": "full"}}, "training.instance", ("on each of 8 GPUs",), "`qlora`"),
        (
            {"training": {"instance": "g6.12xlarge", "hyperparameters": {"batch_size": 3}}},
            "training.instance",
            ("batch of 3",),
            "4 divides",
        ),
    ],
    ids=["named", "cache", "too few GPUs", "old GPU", "format", "training's format", "T4", "training", "batch"],
)
def test_what_fits_nowhere_is_refused_with_numbers_and_never_raised(
    parts: dict[str, Any], path: str, words: tuple[str, ...], remedy: str, tmp_path: Path
) -> None:
    finding = findings(tmp_path, **parts)["model-fits-nowhere"]
    assert (finding.severity, finding.path) == (Severity.ERROR, path)
    assert all(word in f"{finding.message} {finding.reason}" for word in words)
    assert remedy in finding.remedy


@pytest.mark.parametrize("size", [3, 5, 0, -2])
def test_gpus_must_share_the_heads_evenly(size: int, tmp_path: Path) -> None:
    found = findings(tmp_path, serving={"tensor_parallel": size})
    assert "32 attention heads" in found["tensor-parallel-heads"].message
    assert "1, 2, 4, 8" in found["tensor-parallel-heads"].remedy
    assert "model-fits-nowhere" not in found, "one mistake, one finding"


def test_gpus_must_share_key_value_heads_too(tmp_path: Path) -> None:
    qwen = OPEN | {"id": "Qwen/Qwen2.5-7B-Instruct"}
    finding = findings(tmp_path, model=qwen, serving={"tensor_parallel": 7})["tensor-parallel-heads"]
    assert "28 attention heads and 4 key-value heads" in finding.message
    assert finding.remedy == "set one of 1, 2, 4, or `auto`"


@pytest.mark.parametrize(
    ("names", "severity"),
    [
        (["q_proj", "v_proj"], None),
        (["qkv_proj"], None),
        (["q_proj", "v_prj"], Severity.WARNING),
        (["q_prj"], Severity.ERROR),
    ],
)
def test_modules_that_no_layer_has(names: list[str], severity: Severity | None, tmp_path: Path) -> None:
    found = findings(tmp_path, training={"hyperparameters": {"lora": {"target_modules": names}}}).get("lora-targets")
    assert (found and found.severity) == severity
    if found is not None:
        assert f"`{names[-1]}`" in found.message
        assert "o_proj" in found.remedy


def test_quantized_weights_arent_trained(tmp_path: Path) -> None:
    model = {"id": "example/Qwen-AWQ", "revision": "0" * 40, "base": OPEN["id"]}
    found = findings(tmp_path, model=model, serving={"quantization": "awq"}, training={})
    assert "is to be trained" in found["quantization-not-possible"].message


@pytest.mark.parametrize(("tokens", "warned"), [(7892, False), (7893, True)])
def test_a_load_whose_requests_are_too_long(tokens: int, warned: bool, tmp_path: Path) -> None:
    load = {"requests_per_month": 1000, "input_tokens": tokens, "output_tokens": 300}
    found = findings(tmp_path, load=load)
    assert ("load-beyond-context" in found) is warned
    if warned:
        assert "8,193 tokens" in found["load-beyond-context"].message
        assert "max_context: 8193" in found["load-beyond-context"].remedy


@pytest.mark.parametrize(("rank", "refused"), [(8, False), (24, False), (512, False), (513, True)])
def test_a_rank_that_vllm_cant_load(rank: int, refused: bool, tmp_path: Path) -> None:
    adapters = [{"alias": "tone", "source": "s3://example/tone/", "rank": rank}]
    assert ("lora-rank" in findings(tmp_path, serving={"adapters": adapters})) is refused
    trained = findings(tmp_path, serving={}, training={"hyperparameters": {"lora": {"rank": rank}}})
    assert ("lora-rank" in trained) is refused
    if refused:
        assert trained["lora-rank"].path == "training.hyperparameters.lora.rank"


def test_a_rank_matters_only_to_what_serves_it(tmp_path: Path) -> None:
    assert "lora-rank" not in findings(tmp_path, training={"hyperparameters": {"lora": {"rank": 600}}})


def test_contexts_and_examples_beyond_the_model_are_refused(tmp_path: Path) -> None:
    served = findings(tmp_path, serving={"max_context": 131_073})["context-beyond-model"]
    assert served.remedy == "set `max_context: 131072` or less"
    trained = findings(tmp_path, training={"hyperparameters": {"max_length": 200_000}})["length-beyond-model"]
    assert trained.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("model", "serving", "refused"),
    [
        (LLAMA, {"quantization": "awq"}, True),
        (LLAMA, {"quantization": "gptq"}, True),
        ({"id": "example/Llama-AWQ", "revision": "0" * 40, "base": LLAMA["id"]}, {"quantization": "awq"}, False),
        (OPEN | {"id": "Qwen/Qwen3-4B"}, {"quantization": "fp8", "instance": "g4dn.xlarge"}, False),
        (LLAMA, {"quantization": "fp8", "instance": "g6e.xlarge"}, False),
        (LLAMA, {"quantization": "fp8"}, False),
    ],
    ids=["awq", "gptq", "awq weights", "T4", "L40S", "auto"],
)
def test_quantizations_that_cant_be_made(
    model: dict[str, Any], serving: dict[str, Any], refused: bool, tmp_path: Path
) -> None:
    assert ("quantization-not-possible" in findings(tmp_path, model=model, serving=serving)) is refused


def test_a_base_model_takes_no_chats(tmp_path: Path) -> None:
    found = findings(tmp_path, model=BASE, training={}, serving={})
    assert found["trained-on-plain-text"].severity is Severity.WARNING
    assert "`/v1/completions` works" in found["no-chat-template"].reason
    refused = findings(tmp_path, model=BASE, training={}, rows=[{"messages": SYSTEM}] * 2)
    assert refused["dataset-roles"].severity is Severity.ERROR
    assert "dataset-roles" not in findings(tmp_path, training={}, rows=[{"messages": SYSTEM}])


@pytest.mark.parametrize(
    ("objective", "rows", "rule"),
    [
        ("supervised", pairs(3), "dataset-method"),
        ("preference", [{"messages": SYSTEM}], "dataset-method"),
        ("supervised", [{"messages": SYSTEM[1:2]}], "dataset-roles"),
        ("supervised", [{"text": "no example"}], "dataset-shape"),
        ("supervised", [], "dataset-unreadable"),
    ],
)
def test_data_that_the_trainer_cant_use(objective: str, rows: list[dict[str, Any]], rule: str, tmp_path: Path) -> None:
    found = findings(tmp_path, training={"objective": objective}, rows=rows)
    assert found[rule].severity is Severity.ERROR
    assert found[rule].path == "training.dataset.train"


def test_data_that_isnt_there_or_isnt_here(tmp_path: Path) -> None:
    missing = findings(tmp_path, training={"dataset": {"train": "nothing.jsonl"}})["dataset-missing"]
    assert missing.path == "training.dataset.train"
    assert "dataset-not-checked" in findings(tmp_path, training={"dataset": {"train": "s3://example/train.jsonl"}})


def test_examples_that_would_be_cut(tmp_path: Path) -> None:
    long = {"prompt": "word " * 3000, "completion": "Yes."}
    finding = findings(tmp_path, training={"hyperparameters": {"max_length": 512}}, rows=[long])["examples-are-cut"]
    assert "line 1" in finding.message
    assert "512" in finding.message


@pytest.mark.parametrize(("every", "warned"), [(50, True), (4, False)])
def test_spot_without_a_checkpoint_loses_everything(every: int, warned: bool, tmp_path: Path) -> None:
    found = findings(tmp_path, training={"capacity": "spot", "checkpoint_steps": every})
    assert ("spot-without-checkpoint" in found) is warned
    if warned:
        assert "12 steps" in found["spot-without-checkpoint"].message


def test_a_job_that_would_be_stopped_before_its_end(tmp_path: Path) -> None:
    found = findings(tmp_path, training={"max_duration": "5m"})
    assert "stopped after 5m" in found["training-takes-longer"].message
    assert "training-takes-longer" not in findings(tmp_path, training={})


def test_a_fleet_of_none_that_nothing_wakes(tmp_path: Path) -> None:
    none = {"replicas": {"min": 0, "max": 1}}
    assert findings(tmp_path, serving=none)["never-wakes"].severity is Severity.ERROR
    sagemaker = {"runtime": "sagemaker", **none}
    assert "sagemaker.zero" in findings(tmp_path, serving=sagemaker)
    waking = findings(tmp_path, serving=sagemaker | {"options": {"scale_to_zero": True}})
    assert not {"sagemaker.zero", "never-wakes"} & set(waking)


def test_a_load_above_the_fleets_capacity(tmp_path: Path) -> None:
    heavy = {"requests_per_month": 100_000_000, "input_tokens": 800, "output_tokens": 300}
    finding = findings(tmp_path, load=heavy)["load-above-capacity"]
    assert "at most 1" in finding.message
    assert "`max: " in finding.remedy


def test_hours_want_a_fallback(tmp_path: Path) -> None:
    hours = {"start": "0 7 * * 1-5", "stop": "0 19 * * 1-5", "hours_per_week": 60}
    assert "no-answer-outside-hours" in findings(tmp_path, serving={"hours": hours})
    with_fallback = findings(tmp_path, serving={"hours": hours, "fallback": ["nova"]}, providers=CLOSED)
    assert "no-answer-outside-hours" not in with_fallback


def test_restricted_data_may_fall_back_inside_the_account_only(tmp_path: Path) -> None:
    restricted = {"data": {"classification": "restricted"}}
    inside = findings(tmp_path, serving={"fallback": ["nova"]}, providers=CLOSED, **restricted)
    assert "restricted-data-leaves-account" not in inside
    entry = {"name": "openai", "models": [{"alias": "gpt", "id": "gpt-5.2"}], "credentials": {"secret": "openai-key"}}
    outside = findings(tmp_path, serving={"fallback": ["gpt"]}, providers=[entry], **restricted)
    assert outside["restricted-data-leaves-account"].severity is Severity.ERROR


def test_a_region_without_known_prices_is_said_to_be(tmp_path: Path) -> None:
    finding = findings(tmp_path, region="ap-southeast-2")["unknown-price"]
    assert "g6e.xlarge: serving" in finding.message


def test_gpus_that_never_stop_are_warned_of(tmp_path: Path) -> None:
    assert findings(tmp_path, limits={"ttl": "never"})["ttl-never"].severity is Severity.WARNING


@pytest.mark.parametrize(
    ("limits", "rule"), [({"monthly_usd": 100}, "monthly-limit"), ({"max_hourly_usd": 1}, "hourly-limit")]
)
def test_a_fleet_above_the_limits_is_refused(limits: dict[str, float], rule: str, tmp_path: Path) -> None:
    assert findings(tmp_path, limits=limits)[rule].severity is Severity.ERROR

"""`llmstrat gpus`, `fit` and `models --open` through `main()`: what they print, refuse, and answer as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from llmstrat_iac.cli import main

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main([*arguments]) == 1
    return capsys.readouterr().err


def test_gpus_lists_types_with_prices_and_unknown_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gpus", "--region", "us-east-1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "g6e.xlarge        1 x L40S                     44.7      4      32    1.861    unknown" in lines
    assert max(map(len, lines)) <= 100


def test_gpus_json_has_a_source_of_each_price(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["name"]: row for row in answer(capsys, "gpus", "--region", "eu-central-1")}
    assert rows["g6e.xlarge"]["ec2_usd_per_hour"] == 2.327
    assert rows["g6e.xlarge"]["ec2_source"]
    assert rows["p5.48xlarge"]["ec2_usd_per_hour"] is None


def test_fit_shows_the_best_its_memory_the_next_and_why_not_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", LLAMA]) == 0
    out = capsys.readouterr().out
    assert "\ng6e.xlarge  1 x NVIDIA L40S, 4 vCPUs, 32 GiB\n1.861 USD an hour on Amazon EC2 in us-east-1\n" in out
    assert "  weights        15.0  " in out
    assert "  g6e.2xlarge " in out.partition("Runners-up")[2]
    assert "needs 24.2 GiB, 20.2 usable: weights 15.0, KV cache 8.0" in out.partition("Rejected")[2]
    assert max(map(len, out.splitlines())) <= 100


def test_fit_json_accounts_for_every_type(capsys: pytest.CaptureFixture[str]) -> None:
    document = answer(capsys, "fit", LLAMA, "--method", "qlora")
    best = document["best"]
    assert document["for"] == "training (qlora)"
    assert sum(best["parts"].values()) == pytest.approx(best["gib_needed"], abs=0.05)
    assert len(document["fits"]) + len(document["rejected"]) == 57


def test_fit_knows_a_model_without_its_organisation(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "fit", "llama-3.1-8b-instruct")["model"] == LLAMA


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["meta-lama/Llama-3.1-8B"], "isn't known\n  did you mean `meta-llama/Llama-3.1-8B`?"),
        ([LLAMA, "--instance", "g6e.xlage"], "isn't known\n  did you mean `g6e.xlarge`?"),
        ([LLAMA, "--context", "200000"], f"--context: {LLAMA} has a context of 131,072 tokens"),
        (["example/nothing-like-it"], "isn't known\n  `llmstrat models --open` lists those that are"),
        ([LLAMA, "--runtime", "sagemakr"], "did you mean `sagemaker`?"),
        ([LLAMA, "--runtime", "hyperpod"], "HyperPod isn't for serving open models\n  choose one of: ec2, sagemaker"),
        ([LLAMA, "--runtime", "sagemaker", "--instance", "g4dn.metal"], "has no `ml.g4dn.metal` for serving"),
        ([LLAMA, "--region", "us-est-1"], "--region: there is no AWS region `us-est-1`"),
    ],
)
def test_fit_says_what_was_meant(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert message in refusal(capsys, "fit", *arguments)


def test_fit_knows_sagemakers_types_and_prices(capsys: pytest.CaptureFixture[str]) -> None:
    document = answer(capsys, "fit", LLAMA, "--quantization", "fp8", "--runtime", "sagemaker")
    assert (document["runtime"], document["best"]["instance"]) == ("sagemaker", "ml.g6.2xlarge")
    assert document["best"]["usd_per_hour"] == 1.222
    names = [each["instance"] for each in (*document["fits"], *document["rejected"])]
    assert "ml.g4dn.metal" not in names
    assert all(name.startswith("ml.") for name in names)


def test_a_type_of_unknown_price_that_may_be_cheaper_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "Qwen/Qwen3-8B", "--context", "4096", "--runtime", "sagemaker"]) == 0
    out = capsys.readouterr().out
    assert "\nml.g4dn.12xlarge  " in out
    assert "ml.g6e.xlarge may be cheaper: its price here isn't known, 1.861 on EC2 in us-east-1" in out
    assert main(["fit", "Qwen/Qwen3-8B", "--context", "4096"]) == 0
    assert "may be cheaper" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["openai/gpt-oss-20b", "--quantization", "fp8"], "leave --quantization out"),
        (["openai/gpt-oss-20b", "--method", "qlora"], "try --method lora"),
        ([LLAMA, "--instance", "p3.2xlarge"], "leave --instance out, or name a newer type"),
        (["meta-llama/Llama-3.1-405B", "--method", "full"], "try --method qlora, or a shorter --max-length"),
    ],
)
def test_what_fits_nowhere_has_a_remedy_that_helps(
    capsys: pytest.CaptureFixture[str], arguments: list[str], remedy: str
) -> None:
    assert refusal(capsys, "fit", *arguments).splitlines()[-1].strip() == remedy


@pytest.mark.parametrize("arguments", [["models", "--open"], ["gpus"], ["fit", LLAMA]])
def test_a_narrow_terminal_loses_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """Cells break into lines; what is cut off would be lost."""
    monkeypatch.setattr("llmstrat_iac.cli.text.WIDTH", 80)
    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    words = {word for line in lines for word in line.split()}
    whole = {"models": {"unknown", "needed", "10,240k"}, "gpus": {"SageMaker", "memory", "unknown"}, "fit": {"usable"}}
    assert whole[arguments[0]] <= words


def test_fit_exits_1_with_numbers_if_nothing_fits(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "Qwen/Qwen2.5-72B-Instruct", "--instance", "g5.12xlarge"]) == 1
    out, err = capsys.readouterr()
    assert "needs 41.0 GiB on each of 4 GPUs, 20.2 usable: weights 33.9, KV cache 5.0" in out
    assert err.startswith("error: Qwen/Qwen2.5-72B-Instruct fits on none of them\n")
    assert main(["fit", "Qwen/Qwen2.5-72B-Instruct", "--instance", "g5.12xlarge", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["best"] is None


def test_models_open_names_licences_as_specs_accept_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--open"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if line.startswith("meta-llama/Llama-3.3-70B-Instruct ")]
    assert "llama3.3, to accept" in line
    assert line.endswith("needed")
    assert max(map(len, lines)) <= 100
    rows = {row["id"]: row for row in answer(capsys, "models", "--open")}
    assert rows[LLAMA]["parameters"] == 8030261248


def test_none_of_them_imports_an_engine_or_aws() -> None:
    code = (
        "import sys; from llmstrat_iac.cli import main; main(['gpus', '--json']); main(['fit', 'Qwen/Qwen3-8B']);"
        "print([name for name in ('pulumi', 'boto3', 'botocore', 'urllib3') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"

"""`llmstrat train-plan` through `main()`: what it prints, draws, refuses, and answers as JSON."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from llmstrat_iac.cli import main

EXAMPLE = Path(__file__).parents[2] / "examples" / "from-scratch" / "bloomberggpt" / "spec.yaml"
LLAMA = ("train-plan", "--preset", "llama-8b", "--tokens", "1T")


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main([*arguments]) == 1
    return capsys.readouterr().err


def test_a_preset_gets_the_best_its_memory_the_alternatives_and_why_not_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*LLAMA, "--deadline", "10d"]) == 0
    out = capsys.readouterr().out
    assert "llama-8b  8.03 billion parameters, 1 trillion tokens, sequences of 8,192\n" in out
    assert "within 10 days" in out
    assert re.search(r"^  days +\d+\.\d +\d+\.\d to \d+\.\d ", out, re.MULTILINE)
    assert "GiB of the fullest GPU: weights, gradients, optimizer" in out
    assert "arXiv:2407.21783" in out
    assert "p5.48xlarge" in out.partition("Alternatives")[2]
    assert "has no bfloat16" in out.partition("Refused")[2]
    assert "Days against cost" not in out
    assert max(map(len, out.splitlines())) <= 100


def test_the_terminal_gets_a_plot(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*LLAMA, "--plot", "-"]) == 0
    out = capsys.readouterr().out
    plot = out.partition("Days against cost")[2].partition("Refused")[0]
    assert "◉" in plot
    assert re.search(r"^  a \S+xlarge \d+-\d+", plot, re.MULTILINE)
    assert max(map(len, out.splitlines())) <= 100


def test_a_file_gets_a_picture(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "plan.svg"
    assert main([*LLAMA, "--plot", str(file)]) == 0
    root = ElementTree.fromstring(file.read_text(encoding="utf-8"))
    texts = {each.text for each in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"p5.48xlarge", "p4d.24xlarge", "USD", "deadline"} <= texts
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) >= 4


def test_a_spec_is_planned_and_options_change_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train-plan", str(EXAMPLE), "--json"]) == 0
    asked = json.loads(capsys.readouterr().out)
    assert asked["best"]["instance"] == "p4d.24xlarge"
    assert asked["best"]["nodes"] == 64
    assert asked["tokens"] == 569 * 10**9
    others = {each["instance"] for each in asked["alternatives"]}
    assert {"p4d.24xlarge", "p5.48xlarge"} <= others, "its own cluster is shown among others"
    assert main(["train-plan", str(EXAMPLE), "--tokens", "100B", "--json"]) == 0
    fewer = json.loads(capsys.readouterr().out)
    assert fewer["best"]["days"]["likely"] == pytest.approx(asked["best"]["days"]["likely"] * 100 / 569, rel=0.01)


def test_json_has_every_alternative_with_memory_and_assumptions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*LLAMA, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["alternatives"]) > 20
    best = document["best"]
    assert sum(best["memory"]["parts"].values()) == pytest.approx(best["memory"]["needed"])
    assert best["degrees"]["data_shard"] * best["degrees"]["data_replicate"] > 1
    assert len(best["assumptions"]) >= 5


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("train-plan",), "give either SPEC or --preset"),
        (("train-plan", "--preset", "llama-8b"), "--tokens: is missing"),
        (("train-plan", "--preset", "lama-8b", "--tokens", "1T"), "did you mean `llama-8b`"),
        ((*LLAMA, "--instance", "p5.48xlarg"), "did you mean `p5.48xlarge`"),
        ((*LLAMA, "--region", "us-east-9"), "no AWS region"),
        ((*LLAMA, "--plot", "plan.png"), "is no SVG file"),
        ((*LLAMA, "--deadline", "1h"), "no cluster does this"),
        ((*LLAMA, "--budget", "10"), "the budget is 10"),
        (("train-plan", "--preset", "gpt3-175b", "--tokens", "1T", "--sequence-length", "4096"), "at most 2048"),
    ],
)
def test_what_cannot_be_planned_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    assert told in refusal(capsys, *arguments)


def test_tokens_and_deadlines_are_read_as_in_specs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train-plan", "--preset", "llama-8b", "--tokens", "many"]) == 2
    assert "with K, M, B or T" in capsys.readouterr().err
    assert main([*LLAMA, "--deadline", "soon"]) == 2
    assert "is no duration" in capsys.readouterr().err


def test_it_needs_neither_engine_nor_aws() -> None:
    code = (
        "import sys; from llmstrat_iac.cli import main; "
        "main(['train-plan', '--preset', 'llama-1b', '--tokens', '1B']); "
        "sys.exit(any(name in sys.modules for name in ('pulumi', 'boto3', 'urllib3', 'numpy', 'matplotlib')))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_energy_is_shown_on_request_with_its_parts_and_sources(capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--instance", "p5.48xlarge", "--nodes", "8", "--region", "us-west-2")
    assert main([*LLAMA, *where]) == 0
    short = capsys.readouterr().out
    assert re.search(r"^  kWh +[\d,]+ +[\d,]+ to [\d,]+ ", short, re.MULTILINE)
    assert "t CO2" not in short
    assert main([*LLAMA, *where, "--energy"]) == 0
    out = capsys.readouterr().out
    section = out.partition("Energy")[2].partition("Alternatives")[0]
    assert re.search(r"^  PUE +1.12 ", section, re.MULTILINE)
    assert re.search(r"^  t CO2 +\d", section, re.MULTILINE)
    for source in ("muxup.com", "arXiv:2506.14551", "real-time-cloud@06796bf1"):
        assert source in section.replace("\n", " ")
    assert " kWh " in out.partition("Alternatives")[2].splitlines()[1]
    assert max(map(len, out.splitlines())) <= 100


def test_unknown_energy_is_said_and_null_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--instance", "p6-b300.48xlarge", "--nodes", "8")
    assert main([*LLAMA, *where, "--energy"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert out.count("how much power NVIDIA B300 SXM takes while it trains isn't known") == 2
    assert main([*LLAMA, *where, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["best"]["energy"] is None


def test_json_has_the_energy_of_every_alternative(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*LLAMA, "--region", "eu-north-1", "--json"]) == 0
    plans = json.loads(capsys.readouterr().out)["alternatives"]
    known = [each["energy"] for each in plans if each["energy"] is not None]
    assert known
    for energy in known:
        assert energy["pue"]["likely"] == 1.10
        for of in (energy["kilowatt_hours"], energy["co2_tonnes"]):
            assert 0 < of["low"] < of["likely"] < of["high"]
        assert len(energy["sources"]) == 4

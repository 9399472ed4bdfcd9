"""The commands that need no stack, through `main()`: output, JSON, exit codes, and what they do to files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from terminal_kit import init_at_terminal

from llmstrat_iac.cli import main
from llmstrat_iac.cli.group import COMMANDS
from llmstrat_iac.planner.load import load_spec
from llmstrat_iac.spec.document import read_document

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "closed-api"
INVALID = ROOT / "tests" / "specs" / "invalid"
FLAGS = ["--name", "support-bot", "--owner", "ml@example.com", "--region", "us-east-1", "--yes"]


@pytest.fixture
def refused(tmp_path: Path) -> Path:
    """A spec that is valid and that governance refuses."""
    path = tmp_path / "refused.yaml"
    text = (EXAMPLES / "one-provider.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("internal", "restricted"), encoding="utf-8")
    return path


def test_validate_says_what_is_in_the_spec(capsys: pytest.CaptureFixture[str]) -> None:
    path = EXAMPLES / "several-providers.yaml"
    assert main(["validate", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: valid: closed-api, 3 providers, 4 models, 3 consumers\n"


def test_validate_prints_problems_on_stderr_and_exits_1(capsys: pytest.CaptureFixture[str]) -> None:
    path = INVALID / "strategy-unknown.yaml"
    assert main(["validate", str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"error: {path}:3:11: strategy: there is no strategy `close-api`\n  did you mean `closed-api`?\n"


def test_validate_json_has_places_of_problems(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--json", str(INVALID / "ttl-without-unit.yaml")]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["valid"] is False
    (problem,) = document["problems"]
    assert (problem["line"], problem["column"], problem["path"]) == (7, 15, "limits.ttl")


def test_validate_and_plan_exit_1_if_governance_refuses(refused: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(refused)]) == 1
    out = capsys.readouterr().out
    assert out.startswith("error restricted-data-leaves-account providers[0]: restricted data would go to OpenAI\n")
    assert f"{refused}: refused by 1 rule" in out
    assert main(["plan", str(refused)]) == 1
    assert "1 error: `up` will refuse this plan." in capsys.readouterr().out


def test_plan_json_is_one_document_with_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--json", str(EXAMPLES / "bedrock-restricted.yaml")]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["totals"]["fixed_month"] == {"usd": 0.3, "unknown": []}
    assert document["totals"]["at_load_month"]["usd"] == pytest.approx(
        sum(line["usd"] for line in document["costs"]), abs=1e-6
    )
    assert sum(resource["count"] for resource in document["resources"]) == 57


def test_plan_json_keeps_unknown_apart_from_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "spec.yaml"
    text = (EXAMPLES / "one-provider.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("us-east-1", "sa-east-1"), encoding="utf-8")
    assert main(["plan", "--json", str(path)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["totals"]["fixed_month"] == {
        "usd": 0.0,
        "unknown": ["Secrets Manager: vendors' keys", "CloudWatch alarms"],
    }
    assert main(["plan", str(path)]) == 0
    assert "0.00 + 2 unknown USD a month fixed" in capsys.readouterr().out


def test_strategies_shows_all_four(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["strategies"]) == 0
    out = capsys.readouterr().out
    lines = [line for line in out.splitlines() if "■" in line]
    assert [line.split()[:4] for line in lines] == [
        ["A", "closed-api", "■□□□", "■□□□"],
        ["B", "closed-api-tuned", "■■□□", "■■□□"],
        ["C", "open-model", "■■■□", "■■■□"],
        ["D", "from-scratch", "■■■■", "■■■■"],
    ]


def test_one_strategy_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["strategies", "a"]) == 0
    out = capsys.readouterr().out
    assert "examples/closed-api/one-provider.yaml" in out
    assert (ROOT / "examples/closed-api/one-provider.yaml").exists()
    assert main(["strategies", "--json", "D"]) == 0
    (document,) = json.loads(capsys.readouterr().out)
    assert (document["name"], document["letter"]) == ("from-scratch", "D")
    assert (ROOT / document["example"]).exists()


@pytest.mark.parametrize("letter", ["A", "B", "C"])
def test_the_example_of_a_strategy_is_there(letter: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["strategies", "--json", letter]) == 0
    (document,) = json.loads(capsys.readouterr().out)
    assert load_spec(ROOT / document["example"]).strategy.letter == letter


def test_models_by_provider(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--provider", "openai", "--json"]) == 0
    shown = {model["id"]: model for model in json.loads(capsys.readouterr().out)}
    assert shown["gpt-5.2"]["usd_per_mtok_output"] == 14.0
    assert "o4-mini" not in shown
    assert main(["models", "--provider", "openai", "--retired", "--json"]) == 0
    assert "o4-mini" in {model["id"] for model in json.loads(capsys.readouterr().out)}
    assert main(["models", "--provider", "opnai"]) == 1
    assert "did you mean `openai`?" in capsys.readouterr().err


def test_tunable_bases(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--tunable", "--retired", "--json"]) == 0
    bases = {base["id"]: base for base in json.loads(capsys.readouterr().out)}
    assert bases["amazon.nova-micro-v1:0:128k"]["usd_per_mtok_training"] == 1.0
    assert bases["gpt-4.1-mini-2025-04-14"]["jobs_end"] == "2027-01-06"
    assert all(base["source"] and base["as_of"] for base in bases.values())
    assert main(["models", "--tunable", "--retired", "--provider", "bedrock"]) == 0
    out = capsys.readouterr().out
    assert "meta.llama3-2-3b-instruct-v1:0:128k" in out
    assert max(map(len, out.splitlines())) <= 100


def test_data_check_knows_the_price_of_a_known_base(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "data" / "train.jsonl"
    write_examples(path)
    assert main(["data", "check", str(path), "--for", "openai/gpt-4o-mini-2024-07-18", "--json"]) == 0
    training = json.loads(capsys.readouterr().out)["training"]
    assert training["usd_per_mtok"] == 3.0
    assert training["usd"] > 0


def test_plugins(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["llmstrat_iac.governance"]["provides"] == ["governance rules"]
    assert rows["llmstrat_iac.providers.bedrock"]["provides"] == ["provider bedrock"]
    assert main(["plugins"]) == 0
    assert "built in" in capsys.readouterr().out


def test_schema_check_prints_the_fixing_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "deep" / "schema.json"
    assert main(["schema", "--output", str(path)]) == 0
    assert main(["schema", "--output", str(path), "--check"]) == 0
    path.write_text("{}", encoding="utf-8")
    capsys.readouterr()
    assert main(["schema", "--output", str(path), "--check"]) == 1
    assert f"run `llmstrat schema --output {path}`" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == "{}"


@pytest.mark.parametrize("providers", [["openai"], ["openai", "gemini", "bedrock"], ["bedrock"]])
def test_what_init_writes_validates(providers: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "spec.yaml"
    flags = [flag for name in providers for flag in ("--provider", name)]
    assert main(["init", str(path), *flags, *FLAGS]) == 0
    assert f"next: llmstrat plan {path}" in capsys.readouterr().out
    assert main(["validate", str(path)]) == 0
    assert path.read_text(encoding="utf-8").count("#") >= 8


@pytest.mark.parametrize(
    "providers",
    [["bedrock"], ["sagemaker", "openai"], ["gemini"], ["bedrock", "openai"]],
    ids="+".join,
)
def test_init_writes_a_tuning_that_validates(
    providers: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_examples(tmp_path / "data" / "train.jsonl")
    path = tmp_path / "spec.yaml"
    flags = [flag for name in providers for flag in ("--provider", name)]
    assert main(["init", str(path), "--strategy", "B", *flags, *FLAGS]) == 0
    assert main(["validate", str(path)]) == 0, capsys.readouterr().out
    data = read_document(path).data
    assert data["tuning"]["provider"] == providers[0]
    assert [each["name"] for each in data.get("providers", ())] == providers[1:]


@pytest.mark.parametrize(("strategy", "word"), [("A", "only tunes"), ("B", "no managed fine-tuning")])
def test_init_refuses_a_provider_of_the_other_kind(
    strategy: str, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "sagemaker" if strategy == "A" else "mistral"
    path = tmp_path / "spec.yaml"
    flags = ["--provider", name, "--plugin", "llmstrat-iac-mistral"]
    assert main(["init", str(path), "--strategy", strategy, *flags, *FLAGS]) == 1
    assert word in capsys.readouterr().err


def write_examples(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("".join(f'{{"prompt": "Question {i}", "completion": "Answer {i}"}}\n' for i in range(20)))


def test_init_never_overwrites_unless_forced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("mine", encoding="utf-8")
    assert main(["init", str(path), "--provider", "openai", *FLAGS]) == 1
    assert "exists already" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == "mine"
    assert main(["init", str(path), "--provider", "openai", *FLAGS, "--force"]) == 0


def test_init_writes_nothing_from_wrong_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "spec.yaml"
    flags = ["--name", "x", "--owner", "nobody", "--region", "mars", "--yes", "--provider", "openai"]
    assert main(["init", str(path), *flags]) == 1
    err = capsys.readouterr().err
    assert ": name: " in err
    assert ": owner: " in err
    assert ": region: " in err
    assert not path.exists()


def test_init_without_a_terminal_lists_the_missing_flags(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "spec.yaml"), "--name", "support-bot"]) == 2
    assert "--owner, --region" in capsys.readouterr().err


def test_init_asks_at_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    out = init_at_terminal(path, "support-bot\nml@example.com\neu-central-1\nopenai, bedrock\n")
    assert "AWS region" in out
    data = read_document(path).data
    assert (data["name"], data["owner"], data["region"]) == ("support-bot", "ml@example.com", "eu-central-1")
    assert [provider["name"] for provider in data["providers"]] == ["openai", "bedrock"]
    assert data["providers"][0]["models"][0]["fallbacks"] == ["chat-bedrock"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "_LLMSTRAT_COMPLETE" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "expected"), [("pl", ["plain,plan", "plain,plugins"]), ("plan --", ["plain,--json", "plain,--help"])]
)
def test_a_shell_completes_commands_and_options(words: str, expected: list[str]) -> None:
    script = Path(sys.executable).with_name("llmstrat")
    asked = {"_LLMSTRAT_COMPLETE": "bash_complete", "COMP_WORDS": f"llmstrat {words}"}
    asked["COMP_CWORD"] = str(len(words.split()))
    run = subprocess.run([script], env=os.environ | asked, capture_output=True, text=True, check=False)
    assert run.stdout.split() == expected, run.stderr


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert [name for name in COMMANDS if f"  {name} " not in out] == []


def test_usage_errors_exit_2_and_suggest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan"]) == 2
    assert main(["plna"]) == 2
    assert "did you mean `plan`?" in capsys.readouterr().err

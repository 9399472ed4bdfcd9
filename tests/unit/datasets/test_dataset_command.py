"""`llmstrat data`, from the command line to what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from dataset_kit import DEFECTS, chat, write_chats

from llmstrat_iac.cli import main

NOVA = "bedrock/amazon.nova-lite-v1:0:300k"


def test_a_good_file_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_chats(tmp_path / "train.jsonl", 120)
    arguments = ["data", "check", str(path), "--for", NOVA, "--epochs", "2", "--usd-per-mtok", "8"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "120" in printed
    assert "2 epochs, 8.00 USD per million" in printed
    assert printed.endswith("bedrock can train on this.\n")


def test_a_price_that_is_not_given_is_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", str(write_chats(tmp_path / "train.jsonl", 120)), "--for", NOVA]) == 0
    assert "one epoch, unknown USD per million = unknown USD" in capsys.readouterr().out


def test_errors_name_the_line_count_the_rest_and_exit_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text("no\n" * 9)
    assert main(["data", "check", str(path), "--for", "openai", "--max-findings", "2"]) == 1
    printed = capsys.readouterr().out
    assert f"error not-json {path}:2: the line isn't a JSON object" in printed
    assert "  and 7 more\n" in printed
    assert "10 errors: a job on this data would fail." in printed


def test_json_has_the_report_and_the_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_chats(tmp_path / "train.jsonl", 120)
    validation = write_chats(tmp_path / "validation.jsonl", 3, first=119)
    arguments = ["data", "check", str(path), "--for", NOVA, "--validation", str(validation), "--json"]
    assert main(arguments) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["report"]["counts"] == {"leakage": 1}
    assert document["report"]["validation"]["examples"] == 3
    assert len(document["report"]["identity"]) == 64
    assert document["training"] == {"epochs": 1, "usd_per_mtok": None, "usd": None}
    assert document["fix"] is None


def test_fix_writes_a_copy_says_what_it_did_and_judges_the_copy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps(chat(number)) + "\n" for number in range(120)) + "no\n")
    out = tmp_path / "clean.jsonl"
    assert main(["data", "check", str(path), "--for", NOVA, "--fix", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "120 examples kept, 1 dropped" in printed
    assert f"{path}:121 dropped (not-json)" in printed
    assert len(out.read_text().splitlines()) == 120


def test_convert_writes_what_would_be_uploaded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "nova.jsonl"
    assert main(["data", "convert", str(DEFECTS / "clean.openai.jsonl"), str(out), "--for", NOVA]) == 0
    assert "10 examples" in capsys.readouterr().out
    assert json.loads(out.read_text().splitlines()[0])["schemaVersion"] == "bedrock-conversation-2024"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.jsonl", "--for", "openai"], "there is no file none.jsonl"),
        (["s3://bucket/x.jsonl", "--for", "openai"], "isn't a local file"),
        (["-", "--for", "openai", "--fix", "out.jsonl"], "needs a file"),
        (["x", "--for", "opnai"], "did you mean `openai`?"),
    ],
)
def test_what_the_user_can_fix_is_one_clear_error(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", *arguments]) == 1
    assert message in capsys.readouterr().err

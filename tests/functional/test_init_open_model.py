"""`llmstrat init --strategy C`: what it writes loads, and it accepts no licence for anybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from terminal_kit import init_at_terminal

from llmstrat_iac.cli import main
from llmstrat_iac.spec.document import read_document

FLAGS = ["--strategy", "C", "--name", "support-bot", "--owner", "ml@example.com", "--region", "us-east-1", "--yes"]
COMMIT = "b968826d9c46dd6066d109eabc6255188de91218"


def init(path: Path, *flags: str) -> dict[str, Any]:
    """Write a spec and read it back."""
    assert main(["init", str(path), *FLAGS, *flags]) == 0
    return read_document(path).data


def write_examples(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("".join(f'{{"prompt": "Question {i}", "completion": "Answer {i}"}}\n' for i in range(20)))


def test_the_default_is_served_and_waits_for_its_licence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "spec.yaml"
    data = init(path)
    assert (data["limits"]["ttl"], data["serving"]["runtime"]) == ("24h", "ec2")
    assert not {"training", "providers"} & set(data)
    assert "accept_licence" not in data["model"]
    assert main(["validate", str(path)]) == 1
    out, _ = capsys.readouterr()
    assert "licence-not-accepted" in out
    path.write_text(path.read_text(encoding="utf-8").replace("# accept_licence", "accept_licence"), encoding="utf-8")
    assert main(["validate", str(path)]) == 0


@pytest.mark.parametrize("method", ["qlora", "lora", "full"])
@pytest.mark.parametrize("runtime", ["ec2", "sagemaker"])
def test_a_training_with_a_fallback_validates(
    method: str, runtime: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_examples(tmp_path / "data" / "train.jsonl")
    path = tmp_path / "spec.yaml"
    flags = ("--method", method, "--runtime", runtime, "--accept-licence", "llama3.1", "--provider", "bedrock")
    data = init(path, *flags, "--monthly-usd", "200000")
    assert (data["training"]["method"], data["training"]["runtime"]) == (method, runtime)
    assert data["serving"]["fallback"] == ["chat-bedrock"]
    assert main(["validate", str(path)]) == 0, capsys.readouterr().out


def test_a_model_without_conditions_needs_neither_licence_nor_token(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    data = init(path, "--model", "Qwen/Qwen3-8B", "--revision", COMMIT)
    assert data["model"] == {"alias": "chat", "id": "Qwen/Qwen3-8B", "revision": COMMIT}
    assert main(["validate", str(path)]) == 0


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--model", "Qwen/Qwen3-8B"], 2, "https://huggingface.co/Qwen/Qwen3-8B/commits/main"),
        (["--model", "Qwen/Qwen3-8b-instuct"], 1, "did you mean"),
        (["--runtime", "ec3"], 1, "did you mean `ec2`?"),
        (["--accept-licence", "mit"], 1, "is `llama3.1`, not `mit`"),
        (["--revision", "main"], 1, "a branch or tag can move"),
    ],
)
def test_wrong_answers_write_nothing(
    flags: list[str], code: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "spec.yaml"
    assert main(["init", str(path), *FLAGS, *flags]) == code
    assert words in capsys.readouterr().err
    assert not path.exists()


def test_it_asks_at_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    answers = f"support-bot\nml@example.com\nus-east-1\nQwen/Qwen3-8B\nsagemaker\nlora\n{COMMIT}\n"
    init_at_terminal(path, answers, "--strategy", "C")
    data = read_document(path).data
    assert (data["model"]["revision"], data["training"]["method"]) == (COMMIT, "lora")
    assert data["serving"]["runtime"] == "sagemaker"

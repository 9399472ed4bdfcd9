"""`llmstrat init --strategy D`: what it writes loads, plans, and says what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from terminal_kit import init_at_terminal

from llmstrat_iac.cli import main
from llmstrat_iac.spec.document import read_document

FLAGS = ["--strategy", "D", "--name", "own-model", "--owner", "ml@example.com", "--region", "us-east-1", "--yes"]


def init(path: Path, *flags: str) -> dict[str, Any]:
    """Write a spec and read it back."""
    assert main(["init", str(path), *FLAGS, *flags]) == 0
    return read_document(path).data


@pytest.mark.parametrize("runtime", ["sagemaker", "ec2", "hyperpod"])
def test_what_it_writes_can_be_planned(runtime: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "spec.yaml"
    data = init(path, "--tokens", "10B", "--corpus", "s3://texts/all/", "--runtime", runtime)
    assert (data["cluster"]["runtime"], data["cluster"]["nodes"]) == (runtime, 2)
    assert (data["corpus"]["source"], data["limits"]["ttl"]) == ("s3://texts/all/", "7d")
    assert not {"endpoint", "providers", "serving"} & set(data)
    assert main(["plan", str(path)]) == 0, capsys.readouterr().out


def test_answers_go_into_the_file(tmp_path: Path) -> None:
    data = init(
        tmp_path / "spec.yaml",
        *("--model", "llama-8b", "--tokens", "100B", "--instance", "p5.48xlarge", "--nodes", "16"),
    )
    assert data["architecture"] == {"preset": "llama-8b"}
    assert (data["cluster"]["instance"], data["cluster"]["nodes"]) == ("p5.48xlarge", 16)
    assert data["trainer"]["sequence_length"] == 4096


@pytest.mark.parametrize(("nodes", "batch"), [("3", 504), ("16", 512), ("100", 800)])
def test_the_batch_divides_over_the_nodes(
    nodes: str, batch: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "spec.yaml"
    data = init(path, "--tokens", "10B", "--nodes", nodes, "--runtime", "ec2")
    assert data["trainer"]["batch_sequences"] == batch
    main(["plan", str(path)])
    assert "batch-doesnt-divide" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        ([], 2, "--tokens must be given"),
        (["--tokens", "many"], 1, "such as 20B"),
        (["--tokens", "10B", "--model", "lama-1b"], 1, "did you mean `llama-1b`?"),
        (["--tokens", "10B", "--runtime", "hyprpod"], 1, "did you mean `hyperpod`?"),
        (["--tokens", "10B", "--instance", "p5.49xlarge"], 1, "no instance type `p5.49xlarge`"),
        (["--tokens", "10B", "--corpus", "/data"], 1, "no S3 prefix"),
        (["--tokens", "10B", "--provider", "bedrock"], 2, "--provider is for strategies A to C"),
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
    answers = "own-model\nml@example.com\nus-east-1\nllama-3b\n\n20B\nec2\n\n4\n"
    init_at_terminal(path, answers, "--strategy", "D")
    data = read_document(path).data
    assert data["architecture"] == {"preset": "llama-3b"}
    assert (data["corpus"]["source"], data["corpus"]["tokens"]) == ("s3://my-bucket/text/", "20B")
    assert (data["cluster"]["runtime"], data["cluster"]["instance"], data["cluster"]["nodes"]) == (
        "ec2",
        "p4d.24xlarge",
        4,
    )

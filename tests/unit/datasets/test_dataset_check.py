"""What a check reports beyond single lines: limits, leakage, identity, counts, streams, memory."""

from __future__ import annotations

import io
import json
import random
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from dataset_kit import DEFECTS, chat, rules_for, rules_of_file, write_chats

from llmstrat_iac.datasets.check import check
from llmstrat_iac.datasets.duplicates import FingerprintTable
from llmstrat_iac.datasets.examine import examine
from llmstrat_iac.datasets.fastpath import FastReader
from llmstrat_iac.datasets.findings import DatasetError
from llmstrat_iac.datasets.rules import Limit
from llmstrat_iac.plan import Severity

OPENAI = rules_for("openai")
NOVA = rules_for("bedrock")


def test_findings_beyond_the_shown_ones_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text("no\n" * 1000)
    report = check(path, OPENAI, max_findings=3)
    assert [finding.line for finding in report.findings if finding.rule == "not-json"] == [1, 2, 3]
    assert report.counts["not-json"] == 1000
    assert (report.train.examples, report.train.faulty, report.errors) == (1000, 1000, 1000)


def test_a_finding_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps(chat(1)) + "\nno\n")
    finding = check(path, OPENAI).findings[0]
    assert finding.where == f"{path}:2"
    assert finding.remedy


def test_leakage_names_the_line_of_the_validation_file(tmp_path: Path) -> None:
    train = write_chats(tmp_path / "train.jsonl", 100)
    validation = write_chats(tmp_path / "validation.jsonl", 20, first=95)
    report = check(train, OPENAI, validation=validation)
    leaks = [(finding.line, finding.message) for finding in report.findings if finding.rule == "leakage"]
    assert leaks[0] == (96, "is line 1 of the validation file, too")
    assert report.counts == {"leakage": 5}
    assert report.validation is not None
    assert report.validation.examples == 20


def test_a_duplicate_within_validation_is_no_leakage(tmp_path: Path) -> None:
    train = write_chats(tmp_path / "train.jsonl", 100)
    validation = tmp_path / "validation.jsonl"
    validation.write_text((json.dumps(chat(500)) + "\n") * 2)
    assert check(train, OPENAI, validation=validation).counts == {"duplicate": 1}


def test_limits_of_a_vendor(tmp_path: Path) -> None:
    path = write_chats(tmp_path / "my train.jsonl", 60)
    rules = replace(NOVA, max_examples=Limit(50, "a test"), max_bytes=Limit(1000, "a test"), advised_examples=None)
    assert check(path, rules).counts == {"too-many": 1, "too-big": 1, "file-name": 1}


def test_too_many_validation_examples(tmp_path: Path) -> None:
    train = write_chats(tmp_path / "train.jsonl", 60)
    validation = write_chats(tmp_path / "validation.jsonl", 20, first=100)
    rules = replace(OPENAI, max_validation_examples=Limit(10, "a test"))
    finding = check(train, rules, validation=validation).findings[0]
    assert (finding.rule, finding.file) == ("too-many", str(validation))


def test_only_examples_with_too_many_tokens_are_too_long(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    lines = [chat(1, words=200), chat(2, words=900), chat(3, words=20), chat(4, words=950)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    # 200 words are more bytes than the limit, but fewer tokens.
    report = check(path, replace(OPENAI, max_example_tokens=Limit(800, "a test"), min_examples=None))
    assert [finding.line for finding in report.findings if finding.rule == "too-long"] == [2, 4]
    assert report.train.longest is not None
    assert report.train.longest.line == 4
    assert 900 < report.train.longest.tokens < 1400


def test_a_line_too_long_to_read_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    with path.open("wb") as file:
        file.write(json.dumps(chat(1)).encode() + b"\n" + b"x" * (40 << 20) + b"\n" + json.dumps(chat(2)).encode())
    report = check(path, replace(OPENAI, min_examples=None))
    assert [(finding.rule, finding.line) for finding in report.findings][:1] == [("long-line", 2)]
    assert (report.train.examples, report.train.faulty) == (3, 1)


def test_a_stream_is_checked_like_a_file(tmp_path: Path) -> None:
    path = write_chats(tmp_path / "train.jsonl", 60)
    from_file = check(path, OPENAI)
    from_stream = check(io.BytesIO(path.read_bytes()), OPENAI, name="s3://bucket/train.jsonl")
    assert replace(from_stream.train, file=str(path)) == from_file.train
    assert from_stream.train.file == "s3://bucket/train.jsonl"


def test_the_identity_is_that_of_the_content(tmp_path: Path) -> None:
    path = write_chats(tmp_path / "train.jsonl", 60)
    data = path.read_bytes()
    other = tmp_path / "elsewhere.jsonl"
    other.write_bytes(b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n\r\n").removesuffix(b"\r\n\r\n"))
    changed = tmp_path / "changed.jsonl"
    changed.write_bytes(data.replace(b"Answer 7.", b"Answer 8."))
    identity = check(path, OPENAI).identity
    assert check(other, OPENAI).identity == identity
    assert check(changed, OPENAI).identity != identity
    assert check(path, OPENAI, validation=changed).identity != identity


def test_progress_ends_at_the_size_of_both_files(tmp_path: Path) -> None:
    train = write_chats(tmp_path / "train.jsonl", 20_000)
    validation = write_chats(tmp_path / "validation.jsonl", 20, first=50_000)
    seen: list[int] = []
    check(train, OPENAI, validation=validation, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == train.stat().st_size + validation.stat().st_size


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\x1f\x8b\x08\0\0", "gzip"),
        (b"PAR1xxxx", "Parquet"),
        (b"\xff\xfe{\0", "UTF-16"),
        (b"\x7fELF\0\0\0\0", "binary"),
        (b'[{"messages": []}]', "JSON array"),
    ],
)
def test_what_is_no_jsonl_at_all_is_one_clear_error(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=message) as caught:
        check(path, OPENAI)
    assert caught.value.remedy


def test_a_missing_file_and_a_directory_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="there is no file"):
        check(tmp_path / "none.jsonl", OPENAI)
    with pytest.raises(DatasetError, match="is a directory"):
        check(tmp_path, OPENAI)


@pytest.mark.parametrize("path", sorted(DEFECTS.glob("*.jsonl")), ids=lambda path: path.stem)
def test_the_fast_path_takes_only_what_has_no_fault(path: Path) -> None:
    rules = rules_of_file(path)
    fast = FastReader(rules)
    for line in path.read_bytes().splitlines():
        example = fast.read(line)
        if example is None or fast.bad_texts(example[1]):
            continue
        faults, slow = examine(line, rules)
        assert faults == []
        assert slow is not None
        assert example == (slow.roles, slow.texts)
        assert hash(example) == slow.fingerprint


def test_the_fast_path_takes_the_good_lines() -> None:
    """Else the check would be right, but slow."""
    for target, method, line in (
        ("openai", "supervised", chat(1)),
        ("bedrock", "supervised", {"prompt": "a", "completion": "b"}),
        ("openai", "preference", {"prompt": "a", "chosen": "b", "rejected": "c"}),
        ("gemini", "preference", {"messages": chat(1)["messages"][:1], "chosen": "b", "rejected": "c"}),  # type: ignore[index]
    ):
        assert FastReader(rules_for(target, method)).read(json.dumps(line).encode()) is not None


def test_a_fingerprint_table_finds_what_was_added_and_stays_within_its_bound() -> None:
    table = FingerprintTable(max_slots=1 << 13)
    keys = [random.Random(line).getrandbits(64) - 2**63 for line in range(8000)]
    assert [table.add(key, line) for line, key in enumerate(keys, 1)] == [0] * 8000
    assert table.full
    assert table.rows == (1 << 13) * 2 // 3
    known = keys[: table.rows]
    assert [table.find(key) for key in known] == list(range(1, table.rows + 1))
    assert [table.add(key, 9) for key in known] == list(range(1, table.rows + 1))
    assert table.find(keys[-1]) == 0


def test_memory_is_flat_over_50_mb(tmp_path: Path) -> None:
    path = write_chats(tmp_path / "train.jsonl", 40_000, words=200)
    assert path.stat().st_size > 40_000_000
    rules = replace(NOVA, max_examples=None)
    check(path, rules)
    tracemalloc.start()
    report = check(path, rules)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert report.train.examples == 40_000
    assert peak < 12_000_000


def test_errors_are_what_stops_a_job() -> None:
    report = check(DEFECTS / "bom.openai.jsonl", OPENAI)
    assert report.errors == 0
    assert {finding.severity for finding in report.findings} == {Severity.WARNING}

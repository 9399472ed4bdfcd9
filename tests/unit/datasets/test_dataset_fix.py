"""A cleaned copy passes the check, loses nothing that could be kept, and accounts for all that it changed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dataset_kit import DEFECTS, chat, rules_for, rules_of_file, write_chats

from llmstrat_iac.datasets.check import check
from llmstrat_iac.datasets.findings import DatasetError
from llmstrat_iac.datasets.fix import FixReport, fix
from llmstrat_iac.datasets.rules import Limit, VendorRules

UNFIXABLE = {"few", "too-few", "too-many", "too-big", "no-examples", "file-name"}
FILES = sorted(path for path in DEFECTS.glob("*.jsonl") if "no-examples" not in path.name)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_cleaned_copy_is_clean_and_cleaning_it_again_changes_nothing(path: Path, tmp_path: Path) -> None:
    rules = rules_of_file(path)
    report = fix(path, tmp_path / "once.jsonl", rules)
    after = check(tmp_path / "once.jsonl", rules)
    assert set(after.counts) <= UNFIXABLE
    assert after.train.examples == report.kept
    assert after.train.sha256 == report.sha256
    before = check(path, rules)
    assert report.kept + sum(report.dropped.values()) == before.train.examples
    again = fix(tmp_path / "once.jsonl", tmp_path / "twice.jsonl", rules)
    assert (dict(again.dropped), dict(again.changed)) == ({}, {})
    assert (tmp_path / "twice.jsonl").read_bytes() == (tmp_path / "once.jsonl").read_bytes()


def fixed(tmp_path: Path, rules: VendorRules, *lines: Any) -> tuple[FixReport, list[Any]]:
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = fix(path, tmp_path / "out.jsonl", rules)
    return report, [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]


def messages(*turns: tuple[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


@pytest.mark.parametrize(
    ("broken", "repaired", "rule"),
    [
        (
            messages(("Human", "a"), ("gpt", "b")),
            messages(("user", "a"), ("assistant", "b")),
            "roles",
        ),
        (
            messages(("user", "a"), ("user", "b"), ("assistant", "c"), ("user", "d")),
            messages(("user", "a\n\nb"), ("assistant", "c")),
            "roles",
        ),
        (
            messages(("user", [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), ("assistant", "c")),
            messages(("user", "a\nb"), ("assistant", "c")),
            "shape",
        ),
        (
            messages(("user", "The USER: said <Image> and [eos]"), ("assistant", "c")),
            messages(("user", "The USER - said (image) and (EOS)"), ("assistant", "c")),
            "reserved-word",
        ),
        ({"prompt": "a\0b", "completion": "c"}, {"prompt": "ab", "completion": "c"}, "nul"),
        ({"prompt": "a", "completion": "c", "id": 7}, {"prompt": "a", "completion": "c"}, "unused-key"),
    ],
)
def test_what_can_be_repaired_without_a_guess_is(tmp_path: Path, broken: Any, repaired: Any, rule: str) -> None:
    report, written = fixed(tmp_path, rules_for("bedrock"), broken)
    assert written == [repaired]
    assert dict(report.changed) == {rule: 1}
    assert [(note.line, note.rule, note.dropped) for note in report.notes] == [(1, rule, False)]


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (messages(("user", "a"), ("assistant", "")), "empty"),
        (messages(("user", "a"), ("system", "b"), ("assistant", "c")), "roles"),
        (messages(("assistant", "a"), ("user", "b"), ("assistant", "c")), "roles"),
        (messages(("user", [{"type": "image_url", "image_url": "x"}]), ("assistant", "c")), "shape"),
        ({"contents": []}, "shape"),
        (chat(1), "duplicate"),
    ],
)
def test_what_would_need_a_guess_is_dropped(tmp_path: Path, broken: Any, rule: str) -> None:
    report, written = fixed(tmp_path, rules_for("bedrock"), chat(1), broken)
    assert written == [chat(1)]
    assert dict(report.dropped) == {rule: 1}
    assert report.notes[0].line == 2


def test_good_lines_are_copied_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    line = b'{ "completion":"b",   "prompt": "\\u00e4" }'
    path.write_bytes(b"\xef\xbb\xbf" + line + b"\r\n\r\nno\r\n")
    report = fix(path, tmp_path / "out.jsonl", rules_for("openai"))
    assert (tmp_path / "out.jsonl").read_bytes() == line + b"\n"
    assert dict(report.changed) == {"crlf": 3, "blank-line": 1, "bom": 1}
    assert dict(report.dropped) == {"not-json": 1}


def test_leaked_and_overlong_examples_are_dropped(tmp_path: Path) -> None:
    train = write_chats(tmp_path / "train.jsonl", 20)
    with train.open("a") as file:
        file.write(json.dumps(chat(99, words=500)) + "\n")
    validation = write_chats(tmp_path / "validation.jsonl", 5, first=15)
    rules = replace(rules_for("openai"), max_example_tokens=Limit(400, "a test"))
    report = fix(train, tmp_path / "out.jsonl", rules, validation=validation)
    assert dict(report.dropped) == {"leakage": 5, "too-long": 1}
    assert check(tmp_path / "out.jsonl", rules, validation=validation).counts == {"few": 1}


def test_a_file_is_never_cleaned_into_itself_or_into_nothing(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text("no\n")
    with pytest.raises(DatasetError, match="is the file to clean"):
        fix(path, tmp_path / "." / "train.jsonl", rules_for("openai"))
    with pytest.raises(DatasetError, match="nothing of"):
        fix(path, tmp_path / "out.jsonl", rules_for("openai"))
    assert [each.name for each in tmp_path.iterdir()] == ["train.jsonl"]


def test_notes_are_few_and_counts_are_complete(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps(chat(1)) + "\n" + "no\n" * 100)
    report = fix(path, tmp_path / "out.jsonl", rules_for("openai"), max_notes=2)
    assert len(report.notes) == 2
    assert report.dropped["not-json"] == 100

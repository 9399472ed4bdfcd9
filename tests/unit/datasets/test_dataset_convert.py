"""Each vendor's bytes, and that no text gets lost on the way."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dataset_kit import rules_for

from llmstrat_iac.datasets.check import check
from llmstrat_iac.datasets.convert import convert_file, converted_lines
from llmstrat_iac.datasets.findings import DatasetError
from llmstrat_iac.datasets.rules import Limit
from llmstrat_iac.datasets.vendors import VENDOR_RULES

SYSTEM, USER, ANSWER = "Be brief.", 'Wie heißt "es"?', "Zoë\n\tIt's 🙂."
CHAT = {
    "messages": [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": USER},
        {"role": "assistant", "content": ANSWER},
    ]
}
PAIR = {"messages": CHAT["messages"][:2], "chosen": ANSWER, "rejected": "No."}
PROMPT = f"{SYSTEM}\n\n{USER}"


def part(text: str) -> list[dict[str, str]]:
    return [{"text": text}]


# The order of the keys is part of what is expected.
EXPECTED: dict[tuple[str, str], dict[str, Any]] = {
    ("bedrock", "supervised"): {
        "schemaVersion": "bedrock-conversation-2024",
        "system": part(SYSTEM),
        "messages": [{"role": "user", "content": part(USER)}, {"role": "assistant", "content": part(ANSWER)}],
    },
    ("claude", "supervised"): {"system": SYSTEM, "messages": CHAT["messages"][1:]},
    ("llama", "supervised"): {"prompt": PROMPT, "completion": ANSWER},
    ("sagemaker", "supervised"): {"prompt": PROMPT, "completion": ANSWER},
    ("sagemaker", "preference"): {"prompt": PROMPT, "chosen": ANSWER, "rejected": "No."},
    ("gemini", "supervised"): {
        "systemInstruction": {"role": "system", "parts": part(SYSTEM)},
        "contents": [{"role": "user", "parts": part(USER)}, {"role": "model", "parts": part(ANSWER)}],
    },
    ("gemini", "preference"): {
        "system_instruction": {"parts": part(SYSTEM)},
        "contents": [{"role": "user", "parts": part(USER)}],
        "completions": [
            {"score": 1, "completion": {"role": "model", "parts": part(ANSWER)}},
            {"score": 0, "completion": {"role": "model", "parts": part("No.")}},
        ],
    },
    ("trl", "supervised"): {
        "prompt": CHAT["messages"][:2],
        "completion": [{"role": "assistant", "content": ANSWER}],
    },
    ("trl", "preference"): {
        "prompt": CHAT["messages"][:2],
        "chosen": [{"role": "assistant", "content": ANSWER}],
        "rejected": [{"role": "assistant", "content": "No."}],
    },
    ("openai", "supervised"): CHAT,
    ("openai", "preference"): {
        "input": {"messages": CHAT["messages"][:2]},
        "preferred_output": [{"role": "assistant", "content": ANSWER}],
        "non_preferred_output": [{"role": "assistant", "content": "No."}],
    },
}


def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def convert(target: str, method: str, *examples: Any) -> list[bytes]:
    source = io.BytesIO("".join(json.dumps(example) + "\n" for example in examples).encode())
    return list(converted_lines(source, rules_for(target, method), "a stream"))


@pytest.mark.parametrize(("target", "method"), EXPECTED, ids="-".join)
def test_the_bytes_of_each_format(target: str, method: str) -> None:
    example = PAIR if method == "preference" else CHAT
    assert convert(target, method, example) == [compact(EXPECTED[target, method]) + b"\n"]


def test_every_built_in_format_is_among_them() -> None:
    known = {rules_for(*key).format for key in EXPECTED}
    assert {rules.format for rules in VENDOR_RULES} == known


def test_a_model_without_a_chat_template_takes_one_question_and_one_answer_as_plain_text() -> None:
    question = {"messages": CHAT["messages"][1:]}
    assert convert("trl-text", "supervised", question) == [compact({"prompt": USER, "completion": ANSWER}) + b"\n"]
    for refused in (CHAT, {"messages": CHAT["messages"][1:] * 2}):
        with pytest.raises(DatasetError):
            convert("trl-text", "supervised", refused)


def test_a_chat_of_several_turns_teaches_its_last_answer() -> None:
    chat = [{"role": role, "content": role} for role in ("user", "assistant", "user", "assistant")]
    (line,) = convert("trl", "supervised", {"messages": chat})
    assert json.loads(line) == {"prompt": chat[:3], "completion": chat[3:]}


@pytest.mark.parametrize("target", ["bedrock", "claude", "llama", "sagemaker", "gemini", "openai", "trl"])
def test_a_prompt_with_a_completion_is_a_chat(target: str) -> None:
    chat = {"messages": [{"content": "a", "role": "user"}, {"role": "assistant", "content": "b"}]}
    assert convert(target, "supervised", {"completion": "b", "prompt": "a"}) == convert(target, "supervised", chat)


@pytest.mark.parametrize(
    "answer", ["b", {"role": "assistant", "content": "b"}, [{"role": "assistant", "content": "b"}]]
)
def test_answers_may_be_text_or_messages(answer: Any) -> None:
    expected = convert("openai", "preference", {"prompt": "a", "chosen": "b", "rejected": "c"})
    assert convert("openai", "preference", {"prompt": "a", "chosen": answer, "rejected": "c"}) == expected


def test_keys_that_a_vendor_takes_are_kept_and_others_are_not() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    call = {"role": "assistant", "tool_calls": [{"id": "1"}]}
    messages = [{"role": "user", "content": "x"}, call, {"role": "tool", "content": "7", "tool_call_id": "1"}]
    end = {"weight": 1, "content": "y", "mood": "good", "role": "assistant"}
    line = convert("openai", "supervised", {"id": 9, "tools": tools, "messages": [*messages, end]})[0]
    kept = {"role": "assistant", "content": "y", "weight": 1}
    assert line == compact({"messages": [*messages, kept], "tools": tools}) + b"\n"


def texts(value: Any) -> Iterator[str]:
    """All texts of a vendor's object, whatever it looks like."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in ("role", "schemaVersion"):
                yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def random_text(source: random.Random) -> str:
    letters = "ab ä߀🙂\n\t\"\\/'{}[]<>&\u2028\x7f\u200d日本"
    return "x" + "".join(source.choice(letters) for _ in range(source.randint(0, 60)))


@pytest.mark.parametrize(("target", "method"), EXPECTED, ids="-".join)
@pytest.mark.parametrize("seed", range(25))
def test_texts_come_through_unchanged_and_in_order(target: str, method: str, seed: int) -> None:
    source = random.Random(seed)
    turns = 1 if rules_for(target, method).single_turn else source.randint(1, 4)
    messages = [{"role": "system", "content": random_text(source)}] if source.random() < 0.5 else []
    for _ in range(turns):
        messages += [{"role": role, "content": random_text(source)} for role in ("user", "assistant")]
    example: dict[str, Any] = {"messages": messages}
    if method == "preference":
        messages.pop()
        example |= {"chosen": "1" + random_text(source), "rejected": "2" + random_text(source)}
    line = convert(target, method, example)[0]
    wanted = [message["content"] for message in messages]
    if rules_for(target, method).single_turn:
        prompt = len(wanted) if method == "preference" else len(wanted) - 1
        wanted = ["\n\n".join(wanted[:prompt]), *wanted[prompt:]]
    if method == "preference":
        wanted += [example["chosen"], example["rejected"]]
    assert list(texts(json.loads(line))) == wanted
    assert convert(target, method, example) == [line]


def test_a_converted_file_reports_what_it_is_made_from(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text("\n\n".join([json.dumps(CHAT)] * 3))
    out = tmp_path / "nova.jsonl"
    report = convert_file(path, out, rules_for("bedrock"))
    assert out.read_bytes() == (compact(EXPECTED["bedrock", "supervised"]) + b"\n") * 3
    assert (report.examples, report.bytes) == (3, out.stat().st_size)
    assert report.source_sha256 == check(path, rules_for("bedrock")).train.sha256


def test_a_line_with_an_error_stops_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps(CHAT) + "\nno\n")
    out = tmp_path / "out.jsonl"
    out.write_text("what was there")
    with pytest.raises(DatasetError, match=r"train\.jsonl:2: the line isn't a JSON object"):
        convert_file(path, out, rules_for("openai"))
    assert out.read_text() == "what was there"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out.jsonl", "train.jsonl"]


def test_a_file_that_becomes_too_big_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text('{"prompt":"a","completion":"b"}\n' * 4)
    rules = replace(rules_for("gemini"), max_bytes=Limit(200, "a test"))
    assert "too-big" not in check(path, rules).counts
    with pytest.raises(DatasetError, match="takes 200"):
        convert_file(path, tmp_path / "out.jsonl", rules)


def test_an_output_folder_must_exist(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps(CHAT))
    with pytest.raises(DatasetError, match="can't be written"):
        convert_file(path, tmp_path / "none" / "out.jsonl", rules_for("openai"))

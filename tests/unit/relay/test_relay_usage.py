"""The usage line: every field, valid as CloudWatch metrics, and without what was said."""

from __future__ import annotations

import json

import pytest
from relay_kit import GPT, config, desk, events
from relay_vendor import DONE, Vendor, chunk, completion, stream, usage_chunk, whole

from llmstrat_iac.relay.usage import write_line

NOW = 1_790_000_000.0


def test_one_line_tells_everything(vendor: Vendor) -> None:
    vendor.will(whole(completion("ANSWER", prompt=1000, tokens=100)))
    made = desk(config(vendor.url), now=NOW)
    made.chat()
    line = made.usage()
    metrics = line.pop("_aws")
    assert isinstance(line.pop("ttft_ms"), float)
    assert isinstance(line.pop("total_ms"), float)
    assert line == {
        "event": "usage",
        "stack": "support-dev",
        "consumer": "web",
        "model": "gpt-main",
        "provider": "openai",
        "upstream_model": "gpt-5.2",
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "status": 200,
        "error": None,
        "usd": 0.00225,
        "request_id": "req-1",
        "streamed": False,
        "fallbacks": 0,
    }
    assert metrics["Timestamp"] == int(NOW * 1000)
    (block,) = metrics["CloudWatchMetrics"]
    assert (block["Namespace"], block["Dimensions"]) == ("llmstrat", [["stack", "consumer", "model"]])
    assert [metric["Name"] for metric in block["Metrics"]] == [
        "prompt_tokens",
        "completion_tokens",
        "ttft_ms",
        "total_ms",
        "usd",
    ]


def test_what_is_unknown_is_null_and_no_metric(vendor: Vendor) -> None:
    answer = completion()
    del answer["usage"]
    vendor.will(whole(answer))
    made = desk(config(vendor.url))
    made.chat()
    line = made.usage()
    assert (line["prompt_tokens"], line["completion_tokens"], line["usd"]) == (None, None, None)
    assert [metric["Name"] for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]] == ["ttft_ms", "total_ms"]


@pytest.mark.parametrize("missing", ["usd_per_mtok_input", "usd_per_mtok_output"])
def test_an_unknown_price_makes_no_cost(vendor: Vendor, missing: str) -> None:
    vendor.will(whole(completion()))
    made = desk(config(vendor.url, models={"gpt-main": [GPT | {missing: None}]}))
    made.chat()
    assert made.usage()["usd"] is None


def test_an_embedding_needs_no_output_price(vendor: Vendor) -> None:
    vendor.will(whole({"model": "e", "data": [], "usage": {"prompt_tokens": 1_000_000, "total_tokens": 1_000_000}}))
    made = desk(config(vendor.url, models={"gpt-main": [GPT | {"usd_per_mtok_output": None}]}))
    made.post({"model": "gpt-main", "input": "x"}, "/embeddings")
    assert made.usage()["usd"] == 1.25


@pytest.mark.parametrize("streamed", [False, True])
def test_prompts_and_answers_are_logged_only_on_request(vendor: Vendor, streamed: bool) -> None:
    speech = stream(chunk("ANS"), chunk("WER"), chunk(None, finish="stop"), usage_chunk(1, 1), DONE)
    vendor.will(speech if streamed else whole(completion("ANSWER")))
    for wanted in (False, True):
        made = desk(config(vendor.url, log_prompts=wanted))
        response = made.chat(stream=streamed)
        if streamed:
            events(response)
        (line,) = made.lines
        assert ("SECRET-PROMPT" in line, "ANSWER" in line) == (wanted, wanted)


def test_the_first_token_is_timed_when_it_is_handed_on(vendor: Vendor) -> None:
    vendor.will(stream(chunk("a"), chunk(None, finish="stop"), DONE))
    made = desk(config(vendor.url))
    events(made.chat(stream=True))
    line = made.usage()
    assert 0 < line["ttft_ms"] <= line["total_ms"]


def test_a_line_is_one_write(capsys: pytest.CaptureFixture[str]) -> None:
    write_line(json.dumps({"a": "ö\n"}))
    assert capsys.readouterr().out.count("\n") == 1

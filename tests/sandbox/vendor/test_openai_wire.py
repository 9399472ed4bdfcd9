"""The vendor speaks OpenAI's wire format well enough for OpenAI's own SDK, in three dialects."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import openai
import pytest
from sandbox_kit import post

Sdk = Callable[..., openai.OpenAI]
QUESTION: list[Any] = [{"role": "user", "content": "Say hello to the sandbox"}]
SURFACES = {"openai": "/openai/v1", "gemini": "/gemini/v1beta/openai", "mistral": "/mistral/v1"}


@pytest.fixture
def sdk(vendor_url: str) -> Iterator[Sdk]:
    """OpenAI's SDK on a surface, closed at the end."""
    with ExitStack() as stack:

        def make(surface: str, key: str = "sk-good") -> openai.OpenAI:
            made = openai.OpenAI(base_url=vendor_url + SURFACES[surface], api_key=key, max_retries=0)
            return stack.enter_context(made)

        yield make


@pytest.fixture
def client(sdk: Sdk) -> openai.OpenAI:
    return sdk("openai")


@pytest.mark.parametrize("surface", list(SURFACES))
def test_chat_and_its_stream_say_the_same(sdk: Sdk, surface: str) -> None:
    client = sdk(surface)
    whole = client.chat.completions.create(model="m", messages=QUESTION)
    text = whole.choices[0].message.content
    assert text
    assert text.endswith("to: Say hello to the sandbox")
    stream = client.chat.completions.create(
        model="m", messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == text
    usages = [chunk.usage for chunk in chunks if chunk.usage]
    assert [usage.model_dump() for usage in usages] == [whole.usage.model_dump()] if whole.usage else False
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"


def test_usage_counts_the_tokens_that_were_sent(client: openai.OpenAI) -> None:
    prompt: list[Any] = [{"role": "user", "content": "give me 500 words"}]
    stream = client.chat.completions.create(
        model="m", messages=prompt, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    pieces = [chunk for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert chunks[-1].usage is not None
    assert len(pieces) == chunks[-1].usage.completion_tokens == 500
    assert chunks[-1].choices == []


def test_usage_is_left_out_of_a_stream_unless_asked_for(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="m", messages=QUESTION, stream=True))
    assert [chunk.usage for chunk in chunks if chunk.usage] == []


def test_an_answer_is_cut_off_at_max_tokens(client: openai.OpenAI) -> None:
    prompt: list[Any] = [{"role": "user", "content": "give me 50 words"}]
    answer = client.chat.completions.create(model="m", messages=prompt, max_completion_tokens=7)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 7


def test_answers_depend_on_the_prompt_alone(client: openai.OpenAI) -> None:
    def ask(text: str) -> str | None:
        answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}])
        return answer.choices[0].message.content

    assert ask("one") == ask("one")
    assert ask("one") != ask("two")


def test_completions_and_their_stream(client: openai.OpenAI) -> None:
    whole = client.completions.create(model="m", prompt="Once upon a time")
    chunks = list(client.completions.create(model="m", prompt="Once upon a time", stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole.choices[0].text


def test_responses_and_their_stream(client: openai.OpenAI) -> None:
    whole = client.responses.create(model="m", input="Say hello", instructions="Be brief")
    assert whole.output_text.endswith("to: Say hello")
    with client.responses.stream(model="m", input="Say hello", instructions="Be brief") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(deltas) == whole.output_text == final.output_text
    assert final.usage is not None
    assert whole.usage is not None
    assert final.usage.output_tokens == whole.usage.output_tokens > 0


def test_a_response_that_was_cut_off_is_incomplete(client: openai.OpenAI) -> None:
    cut = client.responses.create(model="m", input="give me 100 words", max_output_tokens=16)
    assert (cut.status, cut.usage.output_tokens if cut.usage else 0) == ("incomplete", 16)


def test_embeddings_are_unit_vectors_of_the_asked_size(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model="text-embedding-3-small", input=["a", "b", "a"], dimensions=64)
    first, second, third = (entry.embedding for entry in answer.data)
    assert first == third != second
    assert len(first) == 64
    assert sum(value * value for value in first) == pytest.approx(1.0, abs=1e-5)
    assert answer.usage.prompt_tokens == 3


def test_models_are_listed(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert "gpt-5.2" in names
    assert client.models.retrieve("gpt-5.2").id == "gpt-5.2"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("missing-model")


def test_keys_are_needed_and_bad_ones_refused(vendor_url: str, sdk: Sdk) -> None:
    for surface, status in (("openai", 401), ("mistral", 401), ("gemini", 400)):
        with pytest.raises(openai.APIStatusError) as refused:
            sdk(surface, key="bad-key").chat.completions.create(model="m", messages=QUESTION)
        assert refused.value.status_code == status
        assert "bad-key" not in str(refused.value)
    assert post(vendor_url + "/openai/v1/chat/completions", {}).status == 401


def test_errors_have_each_vendors_shape(vendor_url: str) -> None:
    def wrong(surface: str) -> Any:
        url = f"{vendor_url}{SURFACES[surface]}/chat/completions"
        return post(url, {"model": "m"}, authorization="Bearer k")

    assert wrong("openai").json() == {
        "error": {
            "message": "Missing required parameter: 'messages'.",
            "type": "invalid_request_error",
            "param": "messages",
            "code": "missing_required_parameter",
        }
    }
    assert wrong("gemini").json()[0]["error"]["status"] == "INVALID_ARGUMENT"
    assert wrong("mistral").json()["object"] == "error"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"model":1}', b'{"model":"m","messages":"x"}', b"\xff"])
def test_a_body_that_is_not_a_request_is_a_400(vendor_url: str, body: bytes) -> None:
    answer = post(f"{vendor_url}/openai/v1/chat/completions", body, authorization="Bearer k")
    assert answer.status == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_unknown_models_and_parameters_are_refused_as_openai_does(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        client.chat.completions.create(model="missing-1", messages=QUESTION)
    with pytest.raises(openai.BadRequestError, match="max_completion_tokens"):
        client.chat.completions.create(model="gpt-5.2", messages=QUESTION, max_tokens=5)


@pytest.mark.parametrize(("fault", "error"), [("500", openai.InternalServerError), ("429", openai.RateLimitError)])
def test_faults_come_by_header_or_model_name(client: openai.OpenAI, fault: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        client.chat.completions.create(model=f"m:fault-{fault}", messages=QUESTION)
    with pytest.raises(error):
        client.chat.completions.create(model="m", messages=QUESTION, extra_headers={"x-llmstrat-fault": fault})


def test_drop_hangs_up_in_the_middle(vendor_url: str) -> None:
    for stream in (False, True):
        host, port = vendor_url.removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        body = json.dumps({"model": "m:fault-drop", "messages": QUESTION, "stream": stream})
        connection.request("POST", "/openai/v1/chat/completions", body, {"authorization": "Bearer k"})
        with connection.getresponse() as response, pytest.raises(http.client.IncompleteRead):
            response.read()
        connection.close()


def test_hang_says_nothing(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model="m:fault-hang", messages=QUESTION, timeout=0.3)


def test_slow_still_answers(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="m:fault-slow", messages=QUESTION, max_completion_tokens=3)
    assert answer.choices[0].finish_reason == "length"

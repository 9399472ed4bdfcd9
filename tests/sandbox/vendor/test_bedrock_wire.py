"""boto3's own client reads the Converse answers and the binary event stream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

NOVA = "us.amazon.nova-lite-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.amazon.nova-lite-v1:0"
MESSAGES = [{"role": "user", "content": [{"text": "Say hello"}]}]


@contextmanager
def client(vendor_url: str, key: str = "000000000000") -> Iterator[Any]:
    made = boto3.client(
        "bedrock-runtime",
        endpoint_url=f"{vendor_url}/bedrock",
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )
    yield made
    made.close()


@pytest.mark.parametrize("model", [NOVA, PROFILE])
def test_converse_and_its_stream_say_the_same(vendor_url: str, model: str) -> None:
    request: Any = {"modelId": model, "messages": MESSAGES, "system": [{"text": "Be brief"}]}
    with client(vendor_url) as bedrock:
        whole = bedrock.converse(**request)
        events = list(bedrock.converse_stream(**request)["stream"])
    text = "".join(event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event)
    assert text == whole["output"]["message"]["content"][0]["text"]
    assert text.endswith("to: Say hello")
    kinds = [next(iter(event)) for event in events]
    assert (kinds[0], *kinds[-3:]) == ("messageStart", "contentBlockStop", "messageStop", "metadata")
    assert events[-1]["metadata"]["usage"] == whole["usage"]
    assert whole["stopReason"] == "end_turn"


def test_a_limit_cuts_off(vendor_url: str) -> None:
    with client(vendor_url) as bedrock:
        answer = bedrock.converse(modelId=NOVA, messages=MESSAGES, inferenceConfig={"maxTokens": 2})
    assert (answer["stopReason"], answer["usage"]["outputTokens"]) == ("max_tokens", 2)


@pytest.mark.parametrize(
    ("model", "key", "code"),
    [
        (NOVA, "bad-key", "UnrecognizedClientException"),
        ("missing.model", "000000000000", "ValidationException"),
        (f"{NOVA}:fault-429", "000000000000", "ThrottlingException"),
        (f"{NOVA}:fault-500", "000000000000", "InternalServerException"),
    ],
)
def test_errors_are_bedrocks(vendor_url: str, model: str, key: str, code: str) -> None:
    with client(vendor_url, key) as bedrock, pytest.raises(ClientError) as refused:
        bedrock.converse(modelId=model, messages=MESSAGES)
    assert refused.value.response["Error"]["Code"] == code

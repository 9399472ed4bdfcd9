"""A REST API with one streamed function, for the tests that only call it."""

from __future__ import annotations

import pytest
from rest_api import Api, make_api, streaming_code
from sandbox_kit import Clients

WRAPPER = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper.sh", "OWN": "1"}


@pytest.fixture(scope="module")
def streaming_api(emulator_url: str, aws: Clients) -> Api:
    """POST /stream is streamed by the test function, without authorization."""
    api = make_api(emulator_url, aws, "streaming")
    arn = api.function("fn", streaming_code(), Environment={"Variables": WRAPPER})
    api.method("stream", arn, stream=True)
    api.deploy()
    return api

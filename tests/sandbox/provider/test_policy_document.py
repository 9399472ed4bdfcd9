"""iam.getPolicyDocument prints what the real provider prints."""

from __future__ import annotations

import zlib
from typing import Any

import pytest

from llmstrat_iac.errors import SandboxError
from llmstrat_iac.sandbox.provider.clients import Clients
from llmstrat_iac.sandbox.provider.config import ProviderConfig
from llmstrat_iac.sandbox.provider.registry import Call
from llmstrat_iac.sandbox.provider.services.policy_document import get_policy_document

CALL = Call(Clients("http://127.0.0.1:9"), ProviderConfig("us-east-1"), "us-east-1")


def render(**args: Any) -> str:
    return str(get_policy_document(CALL, args)["minifiedJson"])


def test_form_order_and_id() -> None:
    statement = {
        "actions": ["s3:GetObject"],
        "resources": ["arn:b/*", "arn:a/*"],
        "sid": "One",
        "principals": [{"type": "AWS", "identifiers": ["a", "b"]}],
        "conditions": [{"test": "StringLike", "variable": "s3:prefix", "values": ["z", "&{aws:username}/<x>"]}],
    }
    found = get_policy_document(CALL, {"statements": [statement]})
    assert found["json"] == (
        "{\n"
        '  "Version": "2012-10-17",\n'
        '  "Statement": [\n'
        "    {\n"
        '      "Sid": "One",\n'
        '      "Effect": "Allow",\n'
        '      "Action": "s3:GetObject",\n'
        '      "Resource": [\n'
        '        "arn:b/*",\n'
        '        "arn:a/*"\n'
        "      ],\n"
        '      "Principal": {\n'
        '        "AWS": [\n'
        '          "b",\n'
        '          "a"\n'
        "        ]\n"
        "      },\n"
        '      "Condition": {\n'
        '        "StringLike": {\n'
        '          "s3:prefix": [\n'
        '            "z",\n'
        '            "${aws:username}/\\u003cx\\u003e"\n'
        "          ]\n"
        "        }\n"
        "      }\n"
        "    }\n"
        "  ]\n"
        "}"
    )
    assert found["id"] == str(zlib.crc32(found["json"].encode()))


def test_everyone_is_a_star() -> None:
    everyone = {"principals": [{"type": "*", "identifiers": ["*"]}], "actions": ["a"]}
    assert '"Principal":"*"' in render(statements=[everyone])
    anyone = {"principals": [{"type": "AWS", "identifiers": ["*"]}], "actions": ["a"]}
    assert '"Principal":{"AWS":"*"}' in render(statements=[anyone])


def test_documents_merge_by_sid() -> None:
    source = '{"Statement":[{"Sid":"A","Effect":"Allow","Action":"a"},{"Sid":"B","Effect":"Allow","Action":"b"}]}'
    override = '{"Statement":{"Sid":"B","Effect":"Deny","Action":"c"}}'
    own = [{"sid": "A", "actions": ["own"]}]
    text = render(sourcePolicyDocuments=[source], statements=own, overridePolicyDocuments=[override])
    assert text == (
        '{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Action":"own"},'
        '{"Sid":"B","Effect":"Deny","Action":"c"}]}'
    )


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"sourcePolicyDocuments": ['{"Statement":[{"Sid":"A"}]}'] * 2}, "duplicate Sid"),
        ({"sourcePolicyDocuments": ["{"]}, "isn't a JSON object"),
        ({"sourceJson": "{}"}, "deprecated"),
    ],
)
def test_what_cannot_be_merged_is_refused(args: dict[str, Any], message: str) -> None:
    with pytest.raises(SandboxError, match=message):
        render(**args)

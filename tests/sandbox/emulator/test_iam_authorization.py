"""AWS_IAM methods: who gets in, and how the others are told."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from botocore.credentials import Credentials
from private_api import LAMBDA_KEYS, PrivateApi, make_private_api, serving_target
from rest_api import make_api
from sandbox_kit import Clients, clients, post

from llmstrat_iac.sandbox.environment import ACCOUNT, REGION

RELAY = f"arn:aws:iam::{ACCOUNT}:role/llmstrat/demo-dev/demo-dev-relay"
ONLY_THE_RELAY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "execute-api:Invoke",
                "Resource": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:API/*",
                "Condition": {"ArnNotEquals": {"aws:PrincipalArn": RELAY}},
            }
        ],
    }
)
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
        ],
    }
)


@pytest.fixture(scope="module")
def api(emulator_url: str, aws: Clients) -> Iterator[PrivateApi]:
    with serving_target() as target:
        yield make_private_api(emulator_url, aws, "iam", [target.port], policy=ONLY_THE_RELAY)


def session(aws: Clients, api: PrivateApi, name: str, path: str = "/", *, allowed: bool = True) -> Credentials:
    """Keys of a role that may call the API, unless it isn't allowed."""
    iam = aws("iam")
    role = iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=TRUST)["Role"]
    if allowed:
        statement = {
            "Effect": "Allow",
            "Action": "execute-api:Invoke",
            "Resource": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api.id}/v1/POST/*",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName=name, PolicyName="call", PolicyDocument=document)
    keys = aws("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="session")["Credentials"]
    return Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])


def test_upstream_still_checks_no_signature(plain_emulator_url: str) -> None:
    api = make_api(plain_emulator_url, clients(plain_emulator_url), "gap-iam")
    gateway = api.clients("apigateway")
    place = {"restApiId": api.id, "resourceId": api.root, "httpMethod": "POST"}
    gateway.put_method(**place, authorizationType="AWS_IAM")
    gateway.put_integration(**place, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    api.deploy()
    answer = post(f"{plain_emulator_url}/_aws/execute-api/{api.id}/live/", {}, authorization="Bearer anything")
    assert answer.status == 200, (
        "plain ministack now checks signatures: compare, then delete the addition `iam-authorization`"
    )


def test_a_request_without_signature_is_refused(api: PrivateApi) -> None:
    assert api.call("/any/whole", keys=None) == (
        403,
        "MissingAuthenticationTokenException",
        {"message": "Missing Authentication Token"},
    )


def test_a_functions_signature_is_accepted(api: PrivateApi) -> None:
    assert api.call("/any/whole")[0] == 201


@pytest.mark.parametrize(
    ("keys", "changes", "kind"),
    [
        (Credentials(ACCOUNT, "another secret"), {}, "InvalidSignatureException"),
        (Credentials("AKIAIOSFODNN7EXAMPLE", "sandbox"), {}, "UnrecognizedClientException"),
        (LAMBDA_KEYS, {"service": "sagemaker"}, "InvalidSignatureException"),
        (LAMBDA_KEYS, {"region": "eu-west-1"}, "InvalidSignatureException"),
        (LAMBDA_KEYS, {"content_type": "text/plain"}, "InvalidSignatureException"),
        (None, {"authorization": "Bearer sk-consumer"}, "IncompleteSignatureException"),
    ],
    ids=["secret", "key", "service", "region", "header", "bearer"],
)
def test_a_wrong_signature_is_refused(
    api: PrivateApi, keys: Credentials | None, changes: dict[str, str], kind: str
) -> None:
    assert api.call("/any/whole", keys=keys, **changes)[:2] == (403, kind)


def test_the_body_is_part_of_the_signature(api: PrivateApi) -> None:
    assert api.call("/any/whole", b'{"a":1}')[0] == 201
    assert api.call("/any/whole", b'{"a":1}', sent=b'{"a":2}')[:2] == (403, "InvalidSignatureException")


def test_the_relays_role_gets_in_and_another_does_not(api: PrivateApi, aws: Clients) -> None:
    relay = session(aws, api, "demo-dev-relay", "/llmstrat/demo-dev/")
    assert api.call("/any/whole", keys=relay)[0] == 201
    status, _, answer = api.call("/any/whole", keys=session(aws, api, "curious"))
    assert status == 403
    assert "explicit deny" in answer["Message"]


def test_a_role_without_the_permission_is_refused(emulator_url: str, aws: Clients) -> None:
    with serving_target() as target:
        api = make_private_api(emulator_url, aws, "iam-bare", [target.port])
        status, _, answer = api.call("/any/whole", keys=session(aws, api, "bare", allowed=False))
    assert status == 403
    assert "is not authorized to perform: execute-api:Invoke" in answer["Message"]

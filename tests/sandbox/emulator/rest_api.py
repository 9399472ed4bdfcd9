"""A REST API as the gateway makes it, small: authorizer, usage plan, one buffered and one streamed function."""

from __future__ import annotations

import http.client
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox_kit import Clients

ROLE = "arn:aws:iam::000000000000:role/any"
STREAMING_FUNCTION = Path(__file__).parent / "streaming_function"
AUTHORIZER = """
def handler(event, context):
    token = event["headers"].get("authorization", "").removeprefix("Bearer ")
    if token == "refused":
        raise Exception("Unauthorized")
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "*"}
    return {
        "principalId": "someone",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "usageIdentifierKey": token,
    }
"""
BUFFERED = """
import json

def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}
"""


def archive(files: Mapping[str, tuple[str, int]]) -> bytes:
    """A zip of name to (text, mode)."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipped:
        for name, (text, mode) in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            zipped.writestr(entry, text)
    return packed.getvalue()


def streaming_code() -> bytes:
    """The streaming test function."""
    return archive(
        {
            "wrapper.sh": ((STREAMING_FUNCTION / "wrapper.sh").read_text(), 0o755),
            "loop.py": ((STREAMING_FUNCTION / "loop.py").read_text(), 0o644),
        }
    )


@dataclass(frozen=True)
class Answer:
    """A whole response."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Api:
    """A deployed REST API in an emulator."""

    url: str
    clients: Clients
    id: str
    root: str
    name: str
    authorizer: str = ""
    stage: str = "live"

    def open(self, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None) -> Any:
        """Send a POST and return the connection and the response, not yet read."""
        host, port = self.url.removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=120)
        connection.request(
            "POST",
            f"/_aws/execute-api/{self.id}/{self.stage}{path}",
            json.dumps(body or {}),
            {"content-type": "application/json", **(headers or {})},
        )
        return connection, connection.getresponse()

    def call(self, path: str, body: Any = None, **headers: str) -> Answer:
        """POST and read it all; `headers` are given with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection, response = self.open(path, body, headers=named)
        answer = Answer(response.status, response.headers, response.read())
        connection.close()
        return answer

    def function(self, name: str, code: bytes, **options: Any) -> str:
        """Create a Lambda function; returns its ARN."""
        made = self.clients("lambda").create_function(
            FunctionName=f"{self.name}-{name}",
            Runtime="python3.13",
            Handler="main.handler",
            Role=ROLE,
            Code={"ZipFile": code},
            Timeout=options.pop("Timeout", 60),
            **options,
        )
        return str(made["FunctionArn"])

    def method(self, path: str, function_arn: str, *, stream: bool, key: bool = False) -> str:
        """A POST method on a new resource; returns the resource's id."""
        gateway = self.clients("apigateway")
        made = gateway.create_resource(restApiId=self.id, parentId=self.root, pathPart=path)
        place = {"restApiId": self.id, "resourceId": made["id"], "httpMethod": "POST"}
        kind = {"authorizationType": "NONE"}
        if self.authorizer:
            kind = {"authorizationType": "CUSTOM", "authorizerId": self.authorizer}
        gateway.put_method(**place, apiKeyRequired=key, **kind)
        date, suffix = ("2021-11-15", "response-streaming-invocations") if stream else ("2015-03-31", "invocations")
        gateway.put_integration(
            **place,
            type="AWS_PROXY",
            integrationHttpMethod="POST",
            uri=f"arn:aws:apigateway:us-east-1:lambda:path/{date}/functions/{function_arn}/{suffix}",
            responseTransferMode="STREAM" if stream else "BUFFERED",
            timeoutInMillis=60_000 if stream else 29_000,
        )
        return str(made["id"])

    def deploy(self, **stage: Any) -> None:
        """A deployment and its stage."""
        gateway = self.clients("apigateway")
        deployment = gateway.create_deployment(restApiId=self.id)
        gateway.create_stage(restApiId=self.id, stageName=self.stage, deploymentId=deployment["id"], **stage)

    def add_authorizer(self, source: str = AUTHORIZER, **environment: str) -> None:
        """A REQUEST authorizer on the Authorization header, its answers cached."""
        arn = self.function("auth", archive({"main.py": (source, 0o644)}), Environment={"Variables": environment})
        made = self.clients("apigateway").create_authorizer(
            restApiId=self.id,
            name="bearer",
            type="REQUEST",
            identitySource="method.request.header.Authorization",
            authorizerUri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations",
            authorizerResultTtlInSeconds=300,
        )
        self.authorizer = made["id"]

    def add_plan(self, value: str, *, enrol: bool = True, **limits: Any) -> str:
        """An API key with a usage plan of its own; returns the key's id."""
        gateway = self.clients("apigateway")
        key = gateway.create_api_key(name=value, value=value, enabled=True)
        plan = gateway.create_usage_plan(name=value, apiStages=[{"apiId": self.id, "stage": self.stage}], **limits)
        if enrol:
            gateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
        return str(key["id"])


def make_api(url: str, made: Clients, name: str, **options: Any) -> Api:
    """An empty REST API."""
    api = made("apigateway").create_rest_api(name=name, endpointConfiguration={"types": ["REGIONAL"]}, **options)
    return Api(url, made, api["id"], api["rootResourceId"], name)

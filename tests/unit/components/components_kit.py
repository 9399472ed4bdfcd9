"""Runs a Pulumi program without an engine and keeps every registration: what was asked, and with which options."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pulumi
from pulumi.runtime import get_root_resource, rpc
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks, set_mocks
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import Stack, run_pulumi_func

from llmstrat_iac.components.gateway_args import ConsumerArgs, GatewayArgs, PermissionArgs, ProviderArgs, RouteArgs

ACCOUNT = "123456789012"
SEED = "5e" * 32
EXPIRES = datetime(2099, 12, 1, 18, tzinfo=UTC)


@dataclass(frozen=True)
class Registration:
    """One resource as the program registered it."""

    type: str
    name: str
    inputs: Mapping[str, Any]
    dependencies: frozenset[str]
    secret_outputs: frozenset[str]
    delete_before_replace: bool
    parent: str
    provider: str
    stack_frames: int
    ignored_changes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Deployed:
    """All registrations of a program, and its outputs."""

    registrations: tuple[Registration, ...]
    outputs: Mapping[str, Any]

    def of(self, type: str) -> list[Registration]:
        return [each for each in self.registrations if each.type == type]

    def one(self, type: str, name: str | None = None) -> Registration:
        found = [each for each in self.of(type) if name in (None, each.name)]
        assert len(found) == 1, f"{len(found)} of {type} {name}: {[each.name for each in self.of(type)]}"
        return found[0]


_ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": {
        "accountId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:user/dev", "id": ACCOUNT, "userId": "U",
    },
    "aws:index/getAvailabilityZones:getAvailabilityZones": {
        "id": "us-east-1", "names": [f"us-east-1{letter}" for letter in "abcd"],
    },
    "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": {
        "id": "us-east-1", "locations": ["us-east-1d", "us-east-1c"],
    },
    "aws:ssm/getParameter:getParameter": {
        "id": "ami", "name": "ami", "value": "ami-0123456789abcdef0", "insecureValue": "ami-0123456789abcdef0",
    },
}  # fmt: skip


class _Cloud(Mocks):
    """Answers as AWS does, as far as the program looks at it."""

    def call(self, args: Any) -> Any:
        return dict(_ANSWERS[args.token])

    def new_resource(self, args: Any) -> tuple[str, dict[str, Any]]:
        outputs = dict(args.inputs)
        identity = f"{args.name}-id"
        if args.typ.startswith("aws:"):
            kind = args.typ.split(":")[1].split("/")[0]
            outputs["arn"] = f"arn:aws:{kind}:us-east-1:{ACCOUNT}:{args.inputs.get('name', args.name)}"
        if args.typ == "aws:apigateway/restApi:RestApi":
            outputs |= {"rootResourceId": "root", "executionArn": f"arn:aws:execute-api:us-east-1:{ACCOUNT}:abc"}
        if args.typ == "aws:apigateway/stage:Stage":
            outputs["invokeUrl"] = "https://abc.execute-api.us-east-1.amazonaws.com/v1"
        if args.typ == "aws:lambda/function:Function":
            path = "arn:aws:apigateway:us-east-1:lambda:path"
            outputs["invokeArn"] = f"{path}/2015-03-31/functions/{args.inputs['name']}/invocations"
            outputs["responseStreamingInvokeArn"] = (
                f"{path}/2021-11-15/functions/{args.inputs['name']}/response-streaming-invocations"
            )
        if args.typ.endswith(":HubCopy"):
            outputs |= {"output": "s3://artifacts/hub/copied/output/model/"}
        if args.typ == "aws:ec2/launchTemplate:LaunchTemplate":
            outputs["latestVersion"] = 1
        if args.typ == "aws:fsx/lustreFileSystem:LustreFileSystem":
            outputs |= {"dnsName": "fs-1.fsx.us-east-1.amazonaws.com", "mountName": "abcdef"}
        if args.typ == "aws:lb/loadBalancer:LoadBalancer":
            outputs["dnsName"] = f"internal-{args.inputs['name']}.us-east-1.elb.amazonaws.com"
        if args.typ == "aws:ec2/vpcEndpoint:VpcEndpoint":
            outputs["prefixListId"] = "pl-63a5400a"
        if args.typ.endswith(":KeySeed"):
            outputs |= {"value": SEED}
        if args.typ.endswith(":AccountLogRole"):
            outputs |= {"role_arn": "arn:aws:iam::1:role/logs", "adopted": True}
        return identity, outputs


class _Monitor(MockMonitor):
    """Pulumi's mock monitor, but recording, and leaving no event loop behind in the threads that call it."""

    def __init__(self) -> None:
        self.cloud = _Cloud()
        super().__init__(self.cloud)
        self.registrations: list[Registration] = []

    def Invoke(self, request: Any) -> Any:
        answer = self.cloud.call(MockCallArgs(request.tok, rpc.deserialize_properties(request.args), request.provider))
        return resource_pb2.ResourceInvokeResponse(**{"return": _serialize(answer)})

    def RegisterResource(self, request: Any) -> Any:
        urn = self.make_urn(request.parent, request.type, request.name)
        inputs = rpc.deserialize_properties(request.object)
        identity, outputs = self.cloud.new_resource(MockResourceArgs(request.type, request.name, inputs))
        if request.type == "pulumi:pulumi:Stack":  # made once for all programs of a test run
            return resource_pb2.RegisterResourceResponse(urn=urn)
        self.registrations.append(
            Registration(
                type=request.type,
                name=request.name,
                inputs=inputs,
                dependencies=frozenset(_short(urn) for urn in request.dependencies),
                secret_outputs=frozenset(request.additionalSecretOutputs),
                delete_before_replace=request.deleteBeforeReplace,
                parent=request.parent.split("::")[-1],
                provider=request.provider or "".join(request.providers.values()),
                stack_frames=len(request.stackTrace.frames),
                ignored_changes=frozenset(request.ignoreChanges),
            )
        )
        return resource_pb2.RegisterResourceResponse(urn=urn, id=identity, object=_serialize(outputs))


def _short(urn: str) -> str:
    """`type::name` of a URN."""
    _, _, types, name = urn.split("::")
    return f"{types.split('$')[-1]}::{name}"


def _serialize(properties: dict[str, Any]) -> Any:
    return asyncio.run(rpc.serialize_properties(properties, {}))


def deploy(program: Callable[[], None], *, preview: bool = False) -> Deployed:
    """Run the program as the engine would, and wait for everything that it started."""
    monitor = _Monitor()
    outputs: dict[str, Any] = {}

    async def run() -> None:
        root = get_root_resource()
        assert isinstance(root, Stack)
        root.outputs.clear()
        program()
        for name, value in root.outputs.items():
            outputs[name] = await pulumi.Output.from_input(value).future()

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        set_mocks(monitor.mocks, project="llmstrat", stack="demo-dev", preview=preview, monitor=monitor)
        loop.run_until_complete(run_pulumi_func(run))
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    return Deployed(tuple(monitor.registrations), outputs)


def statements(registration: Registration) -> list[dict[str, Any]]:
    """The statements of a policy."""
    found: list[dict[str, Any]] = json.loads(registration.inputs["policy"])["Statement"]
    return found


def gateway(**changes: Any) -> GatewayArgs:
    """A gateway with a bit of everything."""
    arguments: dict[str, Any] = {
        "prefix": "demo-dev",
        "region": "us-east-1",
        "owner": "owner@example.com",
        "consumers": [
            ConsumerArgs("web", ["chat"], 10, 20, tokens_per_month=1000),
            ConsumerArgs("batch", ["chat", "nova"], 10, 20),
        ],
        "models": {
            "chat": [RouteArgs("openai", "gpt-5.2", 1.75, 14.0), RouteArgs("bedrock", "amazon.nova-pro-v1:0")],
            "nova": [RouteArgs("bedrock", "amazon.nova-pro-v1:0")],
        },
        "providers": {
            "openai": ProviderArgs("openai", "bearer", "https://api.openai.com/v1", api_key="sk-vendor-secret"),
            "bedrock": ProviderArgs(
                "bedrock-converse",
                "sigv4",
                permissions=[
                    PermissionArgs(
                        ["bedrock:InvokeModel"],
                        ["arn:{partition}:bedrock:{region}::foundation-model/amazon.nova-pro-v1:0"],
                    )
                ],
            ),
        },
        "expires": EXPIRES,
        "log_retention_days": 30,
        "monthly_usd": 500.0,
        "tags": {"llmstrat:stack": "demo-dev"},
    }
    return GatewayArgs(**(arguments | changes))

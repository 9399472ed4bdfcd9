"""A private API as the fleet's path makes it, in front of a load balancer with one target on loopback."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from sandbox_kit import Clients, eventually

from llmstrat_iac.sandbox.environment import ACCOUNT, REGION

PORT = 8080
LAMBDA_KEYS = Credentials(ACCOUNT, "sandbox", "sandbox")
"""What a function in the sandbox signs with."""
FIRST, LAST = b'data: {"n":1}\n\n', b"data: [DONE]\n\n"


@dataclass
class Target:
    """An instance behind the load balancer: it streams `FIRST`, and `LAST` once it is allowed to."""

    port: int = 0
    go_on: threading.Event = field(default_factory=threading.Event)
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target: Target

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.target.seen.append((self.command, self.path, headers, body))
        if self.path.endswith("/whole"):
            return self._whole()
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self._chunk(FIRST)
        self.target.go_on.wait(120)
        self._chunk(LAST)
        self.wfile.write(b"0\r\n\r\n")
        return None

    do_GET = do_POST

    def _whole(self) -> None:
        body = json.dumps({"path": self.path}).encode()
        self.send_response(201)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _chunk(self, piece: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving_target() -> Iterator[Target]:
    """A target on a free port."""
    target = Target()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"target": target}))
    server.daemon_threads = True
    target.port = server.server_port
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield target
    finally:
        target.go_on.set()
        server.shutdown()
        server.server_close()


@dataclass(frozen=True)
class PrivateApi:
    """A deployed private API."""

    url: str
    """Of its stage."""
    clients: Clients
    id: str
    link: str
    balancer: str
    group: str
    place: Mapping[str, str]
    """What names its method."""

    def open(
        self,
        path: str,
        body: bytes = b"{}",
        *,
        keys: Credentials | None = LAMBDA_KEYS,
        service: str = "execute-api",
        region: str = REGION,
        sent: bytes | None = None,
        **headers: str,
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """Send a POST, signed unless there are no keys; what is given by name is changed after the signature."""
        request = AWSRequest("POST", self.url + path, data=body, headers={"content-type": "application/json"})
        if keys is not None:
            SigV4Auth(keys, service, region).add_auth(request)
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=120)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST", parts.path + path, sent or body, {**request.headers, **named})
        return connection, connection.getresponse()

    def call(self, path: str, body: bytes = b"{}", **options: Any) -> tuple[int, str, Any]:
        """Status, error type and JSON of a POST."""
        connection, response = self.open(path, body, **options)
        content = response.read()
        connection.close()
        return response.status, response.headers.get("x-amzn-errortype", ""), json.loads(content)


@dataclass(frozen=True)
class Network:
    """Where links and load balancers are."""

    vpc: str
    subnets: list[str]
    group: str


def make_network(aws: Clients, name: str) -> Network:
    """A network with two subnets and a security group."""
    ec2 = aws("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")
        for number, zone in enumerate("ab")
    ]
    group = ec2.create_security_group(VpcId=vpc, GroupName=name, Description="of the link")["GroupId"]
    return Network(vpc, [each["Subnet"]["SubnetId"] for each in subnets], group)


def make_link(aws: Clients, name: str, network: Network | None = None) -> str:
    """A VPC link that carries requests."""
    gateway, network = aws("apigatewayv2"), network or make_network(aws, name)
    made = gateway.create_vpc_link(Name=name, SubnetIds=network.subnets, SecurityGroupIds=[network.group])
    link: str = made["VpcLinkId"]
    assert eventually(lambda: gateway.get_vpc_link(VpcLinkId=link)["VpcLinkStatus"] == "AVAILABLE")
    return link


def make_balancer(aws: Clients, name: str, targets: list[int], network: Network) -> tuple[str, str]:
    """An internal load balancer that admits `/v1/*` only; its ARN and its target group's."""
    elb = aws("elbv2")
    balancer = elb.create_load_balancer(
        Name=name, Scheme="internal", Subnets=network.subnets, SecurityGroups=[network.group]
    )
    arn = balancer["LoadBalancers"][0]["LoadBalancerArn"]
    made = elb.create_target_group(Name=name, Protocol="HTTP", Port=8000, TargetType="ip", VpcId=network.vpc)
    group = made["TargetGroups"][0]["TargetGroupArn"]
    if targets:
        elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "127.0.0.1", "Port": port} for port in targets])
    refuse = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "MessageBody": "{}"}}
    listener = elb.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=PORT, DefaultActions=[refuse])
    elb.create_rule(
        ListenerArn=listener["Listeners"][0]["ListenerArn"],
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/v1/*"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": group}],
    )
    return arn, group


def make_private_api(
    url: str, aws: Clients, name: str, targets: list[int], *, mode: str = "STREAM", policy: str = ""
) -> PrivateApi:
    """The whole path, deployed."""
    gateway, network = aws("apigateway"), make_network(aws, name)
    link, (balancer, group) = make_link(aws, name, network), make_balancer(aws, name, targets, network)
    api = gateway.create_rest_api(name=name, endpointConfiguration={"types": ["REGIONAL"]})
    if policy:
        operation = {"op": "replace", "path": "/policy", "value": policy.replace("API", api["id"])}
        gateway.update_rest_api(restApiId=api["id"], patchOperations=[operation])
    node = gateway.create_resource(restApiId=api["id"], parentId=api["rootResourceId"], pathPart="{proxy+}")
    place = {"restApiId": api["id"], "resourceId": node["id"], "httpMethod": "ANY"}
    gateway.put_method(**place, authorizationType="AWS_IAM", requestParameters={"method.request.path.proxy": True})
    gateway.put_integration(
        **place,
        type="HTTP_PROXY",
        integrationHttpMethod="ANY",
        connectionType="VPC_LINK",
        connectionId=link,
        integrationTarget=balancer,
        uri=f"http://fleet.test:{PORT}/v1/{{proxy}}",
        requestParameters={"integration.request.path.proxy": "method.request.path.proxy"},
        responseTransferMode=mode,
        timeoutInMillis=29_000,
    )
    deployment = gateway.create_deployment(restApiId=api["id"])
    gateway.create_stage(restApiId=api["id"], stageName="v1", deploymentId=deployment["id"])
    return PrivateApi(f"{url}/_aws/execute-api/{api['id']}/v1", aws, api["id"], link, balancer, group, place)

"""The roles that SageMaker runs containers with: one image, one log, and of S3 what the caller names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.policies import Account, Statement, create_role
from llmstrat_iac.components.tuning.storage import trust

_ECR = re.compile(
    r"^(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[^/]+/(?P<repository>[^:@]+)[:@](?P<tag>\S+)$"
)


@dataclass(frozen=True)
class EcrImage:
    """A container's URI, taken apart."""

    account: str
    region: str
    repository: str
    tag: str
    """Or digest."""

    @property
    def arn(self) -> str:
        """Of its repository; `{partition}` is filled in by the program."""
        return f"arn:{{partition}}:ecr:{self.region}:{self.account}:repository/{self.repository}"


def create_container_role(
    logical_name: str,
    *,
    name: str,
    path: str,
    description: str,
    account: Account,
    image: str,
    log: str,
    statements: Sequence[Statement],
    opts: pulumi.ResourceOptions,
) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
    """A role that only SageMaker assumes, only for this account's jobs and endpoints of this region."""
    source = "arn:{partition}:sagemaker:{region}:{account}:*"
    document = {"Version": "2012-10-17", "Statement": [trust("sagemaker.amazonaws.com", account, source)]}
    return create_role(
        logical_name,
        name=name,
        path=path,
        description=description,
        trust=pulumi.Output.json_dumps(document),
        statements=[*_pull(account, image), *_write_log(account, log), *statements],
        opts=opts,
    )


def read_uris(uris: Sequence[str], account: Account) -> list[Statement]:
    """Read what is below the `s3://` prefixes among some sources. SageMaker lists a prefix before it reads it."""
    statements = []
    for uri in uris:
        if uri.startswith("s3://"):
            bucket, _, prefix = uri.removeprefix("s3://").partition("/")
            arn = account.fill(f"arn:{{partition}}:s3:::{bucket}")
            statements.append(Statement(("s3:GetObject",), [pulumi.Output.concat(arn, "/", prefix, "*")]))
            statements.append(Statement(("s3:ListBucket",), [arn]))
    return statements


def read_objects(bucket_arn: pulumi.Input[str], prefix: str) -> list[Statement]:
    """Read what is below a prefix of the stack's own bucket."""
    return [
        Statement(("s3:GetObject",), [pulumi.Output.concat(bucket_arn, "/", prefix, "*")]),
        Statement(("s3:ListBucket",), [bucket_arn]),
    ]


def write_objects(bucket_arn: pulumi.Input[str], prefix: str) -> list[Statement]:
    """Read and write below a prefix, as an interrupted upload or a restored checkpoint needs."""
    actions = ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload")
    return [
        Statement(actions, [pulumi.Output.concat(bucket_arn, "/", prefix, "*")]),
        Statement(("s3:ListBucket",), [bucket_arn]),
    ]


def read_secret(arn: pulumi.Input[str]) -> Statement:
    """Read one secret's value."""
    return Statement(("secretsmanager:GetSecretValue",), [arn])


def parse_image(uri: str) -> EcrImage:
    """The parts of a URI in ECR."""
    found = _ECR.match(uri)
    assert found is not None, "the options' pattern asks for an image in ECR"
    return EcrImage(**found.groupdict())


def _pull(account: Account, image: str) -> list[Statement]:
    layers = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
    # Neither of the last two knows resources: a token for the registry, and the container's own numbers.
    return [
        Statement(layers, [account.fill(parse_image(image).arn)]),
        Statement(("ecr:GetAuthorizationToken",), ["*"]),
        Statement(("cloudwatch:PutMetricData",), ["*"], {"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}}),
    ]


def _write_log(account: Account, log: str) -> list[Statement]:
    group = account.fill("arn:{partition}:logs:{region}:{account}:log-group:" + log)
    streams = pulumi.Output.concat(group, ":log-stream:*")
    return [
        Statement(("logs:CreateLogGroup", "logs:DescribeLogStreams"), [group, pulumi.Output.concat(group, ":*")]),
        Statement(("logs:CreateLogStream", "logs:PutLogEvents"), [streams]),
    ]

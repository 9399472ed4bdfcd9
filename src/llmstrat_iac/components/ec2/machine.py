"""What instances that serve and instances that train have in common: image, disk, metadata, tags, and their role."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.ec2.images import AMI_PARAMETER, is_private
from llmstrat_iac.components.names import TAG_EXPIRES
from llmstrat_iac.components.policies import Account, Statement, create_role, trust_document

ROOT_DEVICE = "/dev/sda1"
"""Of Ubuntu's images, AWS's deep-learning AMI among them."""
CACHE = "/opt/dlami/nvme/llmstrat"
"""Below where the deep-learning AMI mounts the local NVMe disks; on the root volume of types without any."""
METADATA_HOPS = 2
"""A container on a bridge network is one hop further from the metadata than the instance, and needs the role, too."""
_TAGGED = ("instance", "volume", "network-interface")


def image_id(ami: str | None, opts: pulumi.InvokeOutputOptions) -> pulumi.Input[str]:
    """The image that the spec names, or AWS's newest, of which whoever registers it must ignore changes."""
    if ami is not None:
        return ami
    # `value` is marked as a secret, which a public parameter isn't.
    return aws.ssm.get_parameter_output(name=AMI_PARAMETER, opts=opts).insecure_value


def lasting_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags for launch templates: without the expiry, whose change would make a new version and restart the fleet."""
    return {name: value for name, value in tags.items() if name != TAG_EXPIRES}


def tag_specifications(tags: Mapping[str, str]) -> list[aws.ec2.LaunchTemplateTagSpecificationArgs]:
    """Default tags reach a launch template, but not what is launched from it."""
    return [aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=dict(tags)) for kind in _TAGGED]


def template_args(
    *,
    name: str,
    image: pulumi.Input[str],
    instance_type: str,
    root_gb: int,
    profile: aws.iam.InstanceProfile,
    security_group: aws.ec2.SecurityGroup | None,
    user_data: pulumi.Input[str],
    tags: Mapping[str, str],
    spot: bool = False,
) -> aws.ec2.LaunchTemplateArgs:
    """A launch template: IMDSv2 only, everything encrypted, nothing public, gone when it shuts down.

    Without a security group the caller describes the network interfaces, each with its groups.
    """
    data = aws.ec2
    market = data.LaunchTemplateInstanceMarketOptionsArgs(
        market_type="spot",
        spot_options=data.LaunchTemplateInstanceMarketOptionsSpotOptionsArgs(spot_instance_type="one-time"),
    )
    return data.LaunchTemplateArgs(
        name=name,
        image_id=image,
        instance_type=instance_type,
        instance_initiated_shutdown_behavior="terminate",
        instance_market_options=market if spot else None,
        iam_instance_profile=data.LaunchTemplateIamInstanceProfileArgs(arn=profile.arn),
        vpc_security_group_ids=[security_group.id] if security_group is not None else None,
        metadata_options=data.LaunchTemplateMetadataOptionsArgs(
            http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=METADATA_HOPS
        ),
        monitoring=data.LaunchTemplateMonitoringArgs(enabled=True),
        block_device_mappings=[
            data.LaunchTemplateBlockDeviceMappingArgs(
                device_name=ROOT_DEVICE,
                ebs=data.LaunchTemplateBlockDeviceMappingEbsArgs(
                    volume_type="gp3", volume_size=root_gb, encrypted="true", delete_on_termination="true"
                ),
            )
        ],
        tag_specifications=tag_specifications(tags),
        user_data=pulumi.Output.from_input(user_data).apply(_base64),
        update_default_version=True,
    )


def create_profile(
    logical_name: str,
    *,
    name: str,
    path: str,
    description: str,
    statements: Sequence[Statement],
    opts: pulumi.ResourceOptions,
) -> tuple[aws.iam.InstanceProfile, aws.iam.RolePolicy]:
    """The instances' role, its policy, and the profile that hands it to them."""
    role, policy = create_role(
        logical_name,
        name=name,
        path=path,
        description=description,
        trust=trust_document("ec2.amazonaws.com"),
        statements=statements,
        opts=opts,
    )
    profile = aws.iam.InstanceProfile(
        logical_name, aws.iam.InstanceProfileArgs(name=name, path=path, role=role.name), opts=opts
    )
    return profile, policy


def shell_statement() -> Statement:
    """A shell by Session Manager instead of SSH. IAM knows no resources for the agent's channels, hence the `*`.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
    """
    return Statement(
        (
            "ssm:UpdateInstanceInformation",
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        ),
        ("*",),
    )


def log_statements(group: aws.cloudwatch.LogGroup) -> list[Statement]:
    """Write streams of one log group."""
    streams = pulumi.Output.concat(group.arn, ":*")
    return [Statement(("logs:CreateLogStream", "logs:PutLogEvents"), (streams,))]


def image_statements(image: str, account: Account) -> list[Statement]:
    """Pull from a private registry; a public one asks for nothing. The login has no resource, hence the `*`."""
    if not is_private(image):
        return []
    registry, _, rest = image.partition("/")
    owner, region = registry.split(".")[0], registry.split(".")[3]
    repository = rest.partition("@")[0].partition(":")[0]
    arn = account.fill("arn:{partition}:ecr:" + f"{region}:{owner}:repository/{repository}")
    return [
        Statement(("ecr:GetAuthorizationToken",), ("*",)),
        Statement(("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"), (arn,)),
    ]


def read_statements(uris: Iterable[pulumi.Input[str]], account: Account) -> list[Statement]:
    """Read what is below `s3://bucket/prefix/`, and list it."""
    statements: list[Statement] = []
    for uri in uris:
        place = pulumi.Output.from_input(uri).apply(_bucket_and_prefix)
        bucket = pulumi.Output.all(account.partition, place).apply(lambda both: f"arn:{both[0]}:s3:::{both[1][0]}")
        statements += [
            Statement(("s3:GetObject",), (pulumi.Output.all(bucket, place).apply(_objects),)),
            Statement(
                ("s3:ListBucket",),
                (bucket,),
                {"StringLike": {"s3:prefix": place.apply(lambda known: f"{known[1]}*")}},
            ),
        ]
    return statements


def secret_statements(secret: pulumi.Output[str] | None) -> list[Statement]:
    """Read the model's token."""
    return [] if secret is None else [Statement(("secretsmanager:GetSecretValue",), (secret,))]


def secret_id(arn: str | None) -> str:
    """What `get-secret-value` takes. The ARN of a secret known by name only ends in a pattern, for policies."""
    return "" if arn is None else arn.removesuffix("-??????")


def _objects(known: Sequence[Any]) -> str:
    bucket, (_, prefix) = known
    return f"{bucket}/{prefix}*"


def _bucket_and_prefix(uri: str) -> tuple[str, str]:
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    return bucket, prefix.rstrip("/") + "/"


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()

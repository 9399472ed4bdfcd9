"""What a role needs for nodes in a network of the stack's own, and for a file system there.

https://docs.aws.amazon.com/sagemaker/latest/dg/train-vpc.html and
https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-hyperpod-prerequisites-iam.html list the actions.
"""

from __future__ import annotations

import pulumi

from llmstrat_iac.components.cluster_files import cluster_prefix
from llmstrat_iac.components.cluster_network import ClusterNetwork
from llmstrat_iac.components.policies import Account, Statement
from llmstrat_iac.components.sagemaker.roles import read_secret, read_uris
from llmstrat_iac.components.workspace import Workspace
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.pretraining.storage import has_file_system

_EC2 = "arn:{partition}:ec2:{region}:{account}:"


def network_statements(account: Account, network: ClusterNetwork) -> list[Statement]:
    """Interfaces are made in the stack's subnet and group only, and taken away in its network only."""
    interfaces = account.fill(f"{_EC2}network-interface/*")
    within = {"ArnEquals": {"ec2:Vpc": _arn(account, "vpc", network.vpc_id)}}
    return [
        Statement(
            ("ec2:CreateNetworkInterface",),
            [
                interfaces,
                _arn(account, "subnet", network.subnet_id),
                _arn(account, "security-group", network.security_group_id),
            ],
        ),
        Statement(("ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface"), [interfaces], within),
        # None of these knows resources.
        Statement(
            (
                "ec2:DeleteNetworkInterfacePermission",
                "ec2:DescribeDhcpOptions",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVpcs",
            ),
            ["*"],
        ),
        Statement(("fsx:DescribeFileSystems",), [account.fill("arn:{partition}:fsx:{region}:{account}:file-system/*")]),
    ]


def job_statements(
    pretraining: ResolvedPretraining, workspace: Workspace, account: Account, *, key: str
) -> list[Statement]:
    """Read corpus, tokenizer and what other attempts have left; read and write what is the job's own."""
    bucket, prefix = workspace.bucket.arn, cluster_prefix(key)
    attempts = cluster_prefix(pretraining.identity + "-*")
    token = workspace.model_token
    return [
        Statement(("s3:GetObject",), [pulumi.Output.concat(bucket, "/", attempts, "*")]),
        # The oldest checkpoint goes when a newer one is complete.
        Statement(
            ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"),
            [pulumi.Output.concat(bucket, "/", prefix, "*")],
        ),
        Statement(("s3:ListBucket",), [bucket]),
        *read_uris(_sources(pretraining), account),
        *([] if token is None else [read_secret(token)]),
    ]


def _sources(pretraining: ResolvedPretraining) -> list[str]:
    """Behind a file system the corpus is FSx's to read, by a role of its own."""
    tokenizer = [pretraining.tokenizer.source]
    return tokenizer if has_file_system(pretraining) else [*tokenizer, pretraining.corpus.source]


def _arn(account: Account, kind: str, identity: pulumi.Input[str]) -> pulumi.Output[str]:
    return pulumi.Output.concat(account.fill(f"{_EC2}{kind}/"), identity)

"""What a node of a cluster on EC2 may do: its own job's objects, what it reads, its log, and its own group."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.cluster_files import cluster_prefix
from llmstrat_iac.components.ec2 import machine
from llmstrat_iac.components.ec2.names import Ec2Names
from llmstrat_iac.components.policies import Account, Statement
from llmstrat_iac.components.workspace import Workspace
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.pretraining.storage import has_file_system


def node_statements(
    pretraining: ResolvedPretraining,
    key: str,
    names: Ec2Names,
    *,
    workspace: Workspace,
    log: aws.cloudwatch.LogGroup,
    account: Account,
) -> list[Statement]:
    """The role's policy."""
    bucket = workspace.bucket
    attempts = cluster_prefix(f"{pretraining.identity}-*") + "*"
    # The asterisk is the identifier that AWS gives the group; its name is exact.
    group = account.fill(
        "arn:{partition}:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/"
        + names.cluster_job(key)
    )
    return [
        # Deletes checkpoints that a newer one has replaced.
        Statement(
            ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"),
            (pulumi.Output.concat(bucket.arn, "/", cluster_prefix(key), "*"),),
        ),
        # A later attempt goes on from an earlier one's checkpoints.
        Statement(("s3:GetObject",), (pulumi.Output.concat(bucket.arn, "/", attempts),)),
        Statement(("s3:ListBucket",), (bucket.arn,), {"StringLike": {"s3:prefix": attempts}}),
        *machine.read_statements(_sources(pretraining), account),
        *machine.secret_statements(workspace.model_token),
        *machine.image_statements(pretraining.options.image, account),
        *machine.log_statements(log),
        # How often nodes have failed lately is counted by their streams.
        Statement(("logs:DescribeLogStreams",), (pulumi.Output.concat(log.arn, ":*"),)),
        # A broken node has itself replaced; when the job is over, the group goes to zero.
        Statement(("autoscaling:SetInstanceHealth", "autoscaling:UpdateAutoScalingGroup"), (group,)),
        machine.shell_statement(),
    ]


def _sources(pretraining: ResolvedPretraining) -> list[str]:
    """What nodes read from S3 themselves; behind a file system FSx reads the corpus, by a role of its own."""
    sources = [pretraining.tokenizer.source] if pretraining.tokenizer.source.startswith("s3://") else []
    return sources if has_file_system(pretraining) else [*sources, pretraining.corpus.source]

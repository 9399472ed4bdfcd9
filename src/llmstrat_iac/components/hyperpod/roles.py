"""What HyperPod's nodes may do: their job's objects, its log, the stack's network, and at its end the cluster."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.cluster_network import ClusterNetwork
from llmstrat_iac.components.ec2 import machine
from llmstrat_iac.components.hyperpod.names import CLUSTER_LOGS, CONTROLLER, WORKERS, HyperPodNames
from llmstrat_iac.components.names import TAG_STACK
from llmstrat_iac.components.policies import Account, Statement, create_role, trust_document
from llmstrat_iac.components.sagemaker.cluster_roles import job_statements, network_statements
from llmstrat_iac.components.workspace import Workspace
from llmstrat_iac.pretraining import ResolvedPretraining

Role = tuple[aws.iam.Role, aws.iam.RolePolicy]


def create_roles(
    logical_name: str,
    pretraining: ResolvedPretraining,
    *,
    key: str,
    image: str,
    workspace: Workspace,
    network: ClusterNetwork,
    log: aws.cloudwatch.LogGroup,
    account: Account,
    opts: pulumi.ResourceOptions,
) -> tuple[Role, Role]:
    """The controller's and the workers'."""
    names = HyperPodNames(pretraining.stack_name)
    every = [
        *job_statements(pretraining, workspace, account, key=key),
        *network_statements(account, network),
        *_interfaces(account),
        *machine.log_statements(log),
        *_own_logs(names, account),
        machine.shell_statement(),
    ]

    def role(group: str, statements: list[Statement]) -> Role:
        return create_role(
            f"{logical_name}-{group}",
            name=names.role(group),
            path=names.role_path,
            description=f"Lets the cluster's {group} read the job, and write what it makes",
            # Without conditions, as the reference has it: whether HyperPod's agent says for which cluster it asks
            # isn't documented. https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-hyperpod-prerequisites-iam.html
            trust=trust_document("sagemaker.amazonaws.com"),
            statements=[*every, *statements],
            opts=opts,
        )

    end = _delete_own(pretraining, account) if pretraining.options.delete_when_over else []
    return role(CONTROLLER, end), role(WORKERS, machine.image_statements(image, account))


def _delete_own(pretraining: ResolvedPretraining, account: Account) -> list[Statement]:
    """A cluster's ARN ends with an identifier that AWS gives it, so that the tag tells whose it is."""
    clusters = account.fill("arn:{partition}:sagemaker:{region}:{account}:cluster/*")
    own = {"StringEquals": {f"aws:ResourceTag/{TAG_STACK}": pretraining.stack_name}}
    return [Statement(("sagemaker:DeleteCluster",), [clusters], own)]


def _interfaces(account: Account) -> list[Statement]:
    """HyperPod tags the interfaces that it makes, and takes them from one node to give them to the next."""
    interfaces = account.fill("arn:{partition}:ec2:{region}:{account}:network-interface/*")
    return [Statement(("ec2:CreateTags", "ec2:DetachNetworkInterface"), [interfaces])]


def _own_logs(names: HyperPodNames, account: Account) -> list[Statement]:
    """What HyperPod writes of its own doings on the nodes."""
    group = account.fill("arn:{partition}:logs:{region}:{account}:log-group:" + f"{CLUSTER_LOGS}{names.cluster}-*")
    return [
        Statement(("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams"), [group]),
        Statement(("logs:PutLogEvents",), [pulumi.Output.concat(group, ":log-stream:*")]),
        # The call knows no resource, but a namespace.
        Statement(
            ("cloudwatch:PutMetricData",), ["*"], {"StringEquals": {"cloudwatch:namespace": "/aws/sagemaker/Clusters"}}
        ),
    ]

"""IAM documents and roles: exact actions on exact resources, one inline policy a role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws


@dataclass(frozen=True)
class Statement:
    """One Allow."""

    actions: Sequence[str]
    resources: Sequence[pulumi.Input[str]]
    condition: Mapping[str, Mapping[str, pulumi.Input[str]]] | None = None
    """Narrows actions for which IAM knows no resource."""


@dataclass(frozen=True)
class Account:
    """The account, partition and region that ARNs are made of."""

    id: pulumi.Output[str]
    partition: pulumi.Output[str]
    region: str

    @classmethod
    def current(cls, region: str, opts: pulumi.InvokeOutputOptions) -> Account:
        """Ask the provider; the partition is read from the caller's ARN, which saves a second call."""
        identity = aws.get_caller_identity_output(opts=opts)
        return cls(identity.account_id, identity.arn.apply(lambda arn: arn.split(":")[1]), region)

    def fill(self, template: str | pulumi.Output[str]) -> pulumi.Output[str]:
        """Replace `{partition}`, `{region}` and `{account}` in an ARN; an output is one already."""
        if isinstance(template, pulumi.Output):
            return template
        return pulumi.Output.all(self.id, self.partition).apply(
            lambda known: template.format(account=known[0], partition=known[1], region=self.region)
        )


def policy_document(statements: Sequence[Statement]) -> pulumi.Output[str]:
    """The JSON of an identity policy."""
    return pulumi.Output.json_dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": sorted(statement.actions), "Resource": list(statement.resources)}
                | ({"Condition": statement.condition} if statement.condition else {})
                for statement in statements
            ],
        }
    )


def trust_document(service: str, conditions: dict[str, pulumi.Input[str]] | None = None) -> pulumi.Output[str]:
    """The JSON that lets one AWS service assume a role, only in the name of what `conditions` say."""
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    if conditions:
        statement["Condition"] = {"StringEquals": conditions}
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [statement]})


def create_role(
    logical_name: str,
    *,
    name: str,
    path: str,
    description: str,
    trust: pulumi.Output[str],
    statements: Sequence[Statement],
    opts: pulumi.ResourceOptions,
) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
    """A role with its one inline policy. What uses the role must depend on the policy, too."""
    role = aws.iam.Role(
        logical_name,
        aws.iam.RoleArgs(name=name, path=path, description=description, assume_role_policy=trust),
        opts=opts,
    )
    policy = aws.iam.RolePolicy(
        logical_name,
        aws.iam.RolePolicyArgs(name="least-privilege", role=role.name, policy=policy_document(statements)),
        opts=opts,
    )
    return role, policy

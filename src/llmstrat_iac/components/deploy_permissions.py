"""What whoever deploys a spec must be allowed to do: as a policy to print, and simulated before `up`.

A simulation knows identity policies and boundaries, not every service control policy: its yes is no promise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from llmstrat_iac.components.deploy_statements import statements_for
from llmstrat_iac.components.leftovers import explain
from llmstrat_iac.hookspecs import AwsSession, IamStatement, ResolvedSpec
from llmstrat_iac.plan import Finding, Severity

_RULE = "aws.permissions"
_ASSUMED = re.compile(r"^arn:[^:]+:sts::\d+:assumed-role/(?P<role>[^/]+)/")
_BATCH = 50
MOST = 6144
"""Characters of a managed policy: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
_LOOKING = IamStatement(
    actions=("tag:GetResources",),
    resources=("*",),
    reason="the sweep after a destroy looks for whatever carries the stack's tag; the call takes no resource",
)
_SHOWN = 8
_QUESTIONS = (
    IamStatement(
        actions=(
            "bedrock:ListFoundationModels",
            "bedrock:ListInferenceProfiles",
            "cloudwatch:GetMetricStatistics",
            "iam:SimulatePrincipalPolicy",
            "lambda:GetAccountSettings",
            "servicequotas:GetAWSDefaultServiceQuota",
            "servicequotas:GetServiceQuota",
            "servicequotas:ListAWSDefaultServiceQuotas",
        ),
        resources=("*",),
        reason="what the preflight asks; nearly all of these calls take no resource, and none changes anything",
    ),
    IamStatement(
        actions=(
            "application-autoscaling:DescribeScalableTargets",
            "iam:ListInstanceProfiles",
            "iam:ListRoles",
            "scheduler:ListScheduleGroups",
            "secretsmanager:ListSecrets",
            "sns:ListTopics",
        ),
        resources=("*",),
        reason="the sweep after a destroy looks for what untagged leftovers are named; the calls take no resource",
    ),
)
"""Without these a stack is built and taken down all the same, but less is known of it."""


def policy_statements(resolved: ResolvedSpec) -> tuple[IamStatement, ...]:
    """What `llmstrat iam` prints: what a deployer must be allowed, and what preflight and sweep ask beyond that."""
    return _merged((*deployer_statements(resolved), *_QUESTIONS))


def deployer_statements(resolved: ResolvedSpec) -> tuple[IamStatement, ...]:
    """What whoever runs `up` and `down` must be allowed: for what the plan lists, and for what the runtimes add."""
    plan = resolved.strategy.plan(resolved)
    found = [*statements_for((each.type for each in plan.resources), resolved.stack_name), _LOOKING]
    for reference in resolved.permissions:
        module, _, function = reference.partition(":")
        found += getattr(import_module(module), function)(resolved)
    return tuple(found)


def policies_of(
    statements: Iterable[IamStatement], *, partition: str, region: str, account: str
) -> list[dict[str, Any]]:
    """The same in as few documents as fit into managed policies, statements in their order."""
    groups: list[list[IamStatement]] = []
    for statement in statements:
        longer = [*groups[-1], statement] if groups else []
        if longer and size_of(policy_of(longer, partition=partition, region=region, account=account)) <= MOST:
            groups[-1] = longer
        else:
            groups.append([statement])
    return [policy_of(group, partition=partition, region=region, account=account) for group in groups]


def size_of(policy: Mapping[str, Any]) -> int:
    """Characters as IAM counts them: without white space."""
    return len(json.dumps(policy, separators=(",", ":")))


def policy_of(statements: Iterable[IamStatement], *, partition: str, region: str, account: str) -> dict[str, Any]:
    """The IAM policy document; each statement's reason is its Sid's origin, and is printed beside it by the CLI."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": _sid(number, statement.reason),
                "Effect": "Allow",
                "Action": sorted(statement.actions),
                "Resource": [
                    each.format(partition=partition, region=region, account=account) for each in statement.resources
                ],
            }
            for number, statement in enumerate(statements, 1)
        ],
    }


def _merged(statements: Iterable[IamStatement]) -> tuple[IamStatement, ...]:
    """One statement for what several parts of a stack ask of the same resources for the same reason."""
    together: dict[tuple[tuple[str, ...], str], dict[str, None]] = {}
    for each in statements:
        together.setdefault((tuple(each.resources), each.reason), {}).update(dict.fromkeys(each.actions))
    return tuple(IamStatement(tuple(actions), *of) for of, actions in together.items())


def check_permissions(statements: Sequence[IamStatement], session: AwsSession, *, region: str) -> Iterator[Finding]:
    """Yield what the caller lacks; a warning where the simulation itself isn't allowed."""
    try:
        identity = session.client("sts").get_caller_identity()
        denied = sorted(set(_denied(statements, identity, session, region)))
    except (ClientError, BotoCoreError) as error:
        yield Finding(
            _RULE,
            Severity.WARNING,
            "",
            f"unknown: the deployer's permissions can't be simulated ({explain(error)})",
            remedy="allow iam:SimulatePrincipalPolicy, or compare with `llmstrat iam`",
        )
        return
    if denied:
        shown = ", ".join(denied[:_SHOWN]) + (f" and {len(denied) - _SHOWN} more" if len(denied) > _SHOWN else "")
        yield Finding(
            _RULE,
            Severity.ERROR,
            "",
            f"{identity['Arn']} may not: {shown}",
            reason="`up` would stop half way",
            remedy="attach what `llmstrat iam --output FOLDER` writes",
        )
    else:
        count = len({action for statement in statements for action in statement.actions})
        yield Finding(_RULE, Severity.INFO, "", f"the deployer may do all {count} actions that the spec needs")


def _denied(
    statements: Sequence[IamStatement], identity: dict[str, Any], session: AwsSession, region: str
) -> Iterator[str]:
    partition, account = identity["Arn"].split(":")[1], identity["Account"]
    if identity["Arn"].endswith(":root"):
        return  # the root user has no policies to simulate, and may do anything
    iam = session.client("iam")
    principal = _principal(identity["Arn"], iam)
    for statement in statements:
        resources = [each.format(partition=partition, region=region, account=account) for each in statement.resources]
        actions = sorted(statement.actions)
        for start in range(0, len(actions), _BATCH):
            answer = iam.simulate_principal_policy(
                PolicySourceArn=principal,
                ActionNames=actions[start : start + _BATCH],
                ResourceArns=[_example(each) for each in resources],
            )
            for result in answer.get("EvaluationResults") or ():
                if result["EvalDecision"] != "allowed":
                    yield result["EvalActionName"]


def _principal(arn: str, iam: Any) -> str:
    """A session's role: sessions have no policies of their own, and don't tell their role's path."""
    match = _ASSUMED.match(arn)
    return str(iam.get_role(RoleName=match["role"])["Role"]["Arn"]) if match else arn


def _example(resource: str) -> str:
    """A resource that the pattern covers; the simulation takes no question marks."""
    return resource.replace("?", "x")


def _sid(number: int, reason: str) -> str:
    words = re.findall(r"[A-Za-z0-9]+", reason)
    return "".join(word[:1].upper() + word[1:] for word in words)[:60] or f"Statement{number}"

"""Whether EventBridge Scheduler may make a call with a schedule's role: the role is there, trusts it and allows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ministack.core import iam_evaluator as evaluator
from ministack.services import autoscaling, iam

from llmstrat_iac.sandbox.emulator.clusters.store import clusters
from llmstrat_iac.sandbox.emulator.schedules.calls import Call

_SCHEDULER = "scheduler.amazonaws.com"
# What each action is allowed on, by the call's argument:
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
_ARNS = {
    "lambda:PutFunctionConcurrency": ("FunctionName", "arn:aws:lambda:{region}:{account}:function:{name}"),
    "ec2:TerminateInstances": ("InstanceIds", "arn:aws:ec2:{region}:{account}:instance/{name}"),
    "sagemaker:StopTrainingJob": ("TrainingJobName", "arn:aws:sagemaker:{region}:{account}:training-job/{name}"),
    "sagemaker:DeleteEndpoint": ("EndpointName", "arn:aws:sagemaker:{region}:{account}:endpoint/{name}"),
    "sagemaker:DeleteInferenceComponent": (
        "InferenceComponentName",
        "arn:aws:sagemaker:{region}:{account}:inference-component/{name}",
    ),
    "bedrock:DeleteProvisionedModelThroughput": (
        "provisionedModelId",
        "arn:aws:bedrock:{region}:{account}:provisioned-model/{name}",
    ),
    "fsx:DeleteFileSystem": ("FileSystemId", "arn:aws:fsx:{region}:{account}:file-system/{name}"),
}


def refusal(role_arn: str, group_arn: str, call: Call) -> str | None:
    """Why the call isn't allowed, or nothing."""
    role = iam._roles.get_scoped(call.account, None, role_arn.rpartition("/")[2])
    if role is None or role["Arn"] != role_arn:
        return f"AccessDenied: the schedule's role {role_arn} doesn't exist"
    source = {"aws:sourceaccount": call.account, "aws:sourcearn": group_arn}
    if not _allowed(_trust(role), _context(role_arn, call, "sts:AssumeRole", "*", source)):
        return f"AccessDenied: the role {role_arn} doesn't trust {_SCHEDULER} for {group_arn}"
    policies = evaluator._gather_role_policies(role["RoleName"], call.account)
    for resource in _resources(call):
        if resource is None:
            statements = [[replace(each, resources=["*"]) for each in policy] for policy in policies]
        else:
            statements = policies
        if not _allowed(statements, _context(role_arn, call, call.permission, resource or "*", {})):
            on = f" on {resource}" if resource else ""
            return f"AccessDenied: the role {role_arn} doesn't allow {call.permission}{on}"
    return None


def _trust(role: Mapping[str, Any]) -> list[list[evaluator.ParsedStatement]]:
    """The statements of its trust policy that name the scheduler, as if they were about a resource."""
    document = evaluator.json.loads(role["AssumeRolePolicyDocument"])
    named = [
        {**each, "Resource": "*"}
        for each in document["Statement"]
        if evaluator._service_principal_matches(each.get("Principal"), _SCHEDULER)
    ]
    return [evaluator.parse_policy_document({"Statement": named})]


def _resources(call: Call) -> list[str | None]:
    """The ARNs that the call is about; None where the sandbox knows of none."""
    if call.permission == "autoscaling:UpdateAutoScalingGroup":
        group = autoscaling._asgs.get_scoped(call.account, call.region, call.arguments.get("AutoScalingGroupName"))
        return [group["AutoScalingGroupARN"] if group else None]
    if call.permission == "sagemaker:DeleteCluster":
        name = call.arguments.get("ClusterName")
        found = [each.arn for each in clusters._data.values() if name in (each.name, each.arn)]
        return [found[0] if found else None]
    argument, template = _ARNS.get(call.permission, ("", ""))
    named = call.arguments.get(argument)
    if not named:
        return [None]
    return [
        name if str(name).startswith("arn:") else template.format(region=call.region, account=call.account, name=name)
        for name in (named if isinstance(named, list) else [named])
    ]


def _context(role_arn: str, call: Call, action: str, resource: str, keys: Mapping[str, str]) -> evaluator.EvalContext:
    return evaluator.EvalContext(
        principal_arn=role_arn,
        principal_type="AssumedRole",
        principal_account=call.account,
        action=action,
        resource_arn=resource,
        region=call.region,
        service_context=dict(keys),
    )


def _allowed(policies: list[list[evaluator.ParsedStatement]], context: evaluator.EvalContext) -> bool:
    return bool(evaluator.evaluate(context, policies).decision == "Allow")

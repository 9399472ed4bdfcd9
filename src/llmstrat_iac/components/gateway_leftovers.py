"""What may be left of a gateway: one finder a type, over its deterministic names and its tag.

In the order of removal: schedules before what they call, usage plans before the API whose stage they hold, functions
before the log groups that they would write again.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from llmstrat_iac.components.account_leftovers import account_finders
from llmstrat_iac.components.leftovers import Finder, Found, belongs, pages, tagged_arns, unless_absent
from llmstrat_iac.components.names import GatewayNames
from llmstrat_iac.hookspecs import AwsSession

_CHECKED_SERVICES = frozenset(
    {"apigateway", "lambda", "logs", "dynamodb", "secretsmanager", "sns", "cloudwatch", "scheduler", "iam", "budgets"}
)


def gateway_finders(stack_name: str, session: AwsSession, *, checked: frozenset[str] = frozenset()) -> list[Finder]:
    """All finders of a gateway, in the order of removal; `checked` are services that the caller has looked at."""
    names = GatewayNames(stack_name)
    return [
        Finder("scheduler schedule group", partial(_schedule_groups, names, session)),
        Finder("apigateway usage plan", partial(_usage_plans, names, session)),
        Finder("apigateway API key", partial(_api_keys, names, session)),
        Finder("apigateway REST API", partial(_rest_apis, names, session)),
        Finder("lambda function", partial(_functions, names, session)),
        Finder("secretsmanager secret", partial(_secrets, names, session)),
        Finder("dynamodb table", partial(_tables, names, session)),
        *account_finders(names, session),
        Finder("logs log group", partial(_log_groups, names, session)),
        Finder("other tagged resource", partial(_others, names, session, _CHECKED_SERVICES | checked)),
    ]


def _schedule_groups(names: GatewayNames, session: AwsSession) -> Iterator[Found]:
    """The gateway's, and those of what else the stack stops when it expires."""
    client = session.client("scheduler")
    for group in pages(client, "list_schedule_groups", "ScheduleGroups", NamePrefix=names.schedule_group):
        if group.get("State") == "DELETING":
            continue
        if belongs(client.list_tags_for_resource(ResourceArn=group["Arn"]).get("Tags"), names.prefix):
            remove = partial(client.delete_schedule_group, Name=group["Name"])  # and all schedules in it
            yield Found("scheduler schedule group", group["Name"], "with its schedules", billed=False, remove=remove)


def _usage_plans(names: GatewayNames, session: AwsSession) -> Iterator[Found]:
    client = session.client("apigateway")
    for plan in pages(client, "get_usage_plans", "items"):
        if belongs(plan.get("tags", {}), names.prefix):
            remove = partial(_remove_usage_plan, client, plan)
            yield Found("apigateway usage plan", plan["id"], plan["name"], billed=False, remove=remove)


def _remove_usage_plan(client: Any, plan: dict[str, Any]) -> None:
    """A plan that still holds stages can't be deleted."""
    stages = [f"{stage['apiId']}:{stage['stage']}" for stage in plan.get("apiStages") or ()]
    if stages:
        operations = [{"op": "remove", "path": "/apiStages", "value": stage} for stage in stages]
        client.update_usage_plan(usagePlanId=plan["id"], patchOperations=operations)
    client.delete_usage_plan(usagePlanId=plan["id"])


def _api_keys(names: GatewayNames, session: AwsSession) -> Iterator[Found]:
    client = session.client("apigateway")
    # The values aren't asked for: a key must not get into anything that is printed.
    for key in pages(client, "get_api_keys", "items", nameQuery=f"{names.prefix}-", includeValues=False):
        if belongs(key.get("tags", {}), names.prefix):
            remove = partial(client.delete_api_key, apiKey=key["id"])
            yield Found("apigateway API key", key["id"], key["name"], billed=False, remove=remove)


def _rest_apis(names: GatewayNames, session: AwsSession) -> Iterator[Found]:
    client = session.client("apigateway")
    for api in pages(client, "get_rest_apis", "items"):
        if belongs(api.get("tags", {}), names.prefix):
            remove = partial(client.delete_rest_api, restApiId=api["id"])
            yield Found("apigateway REST API", api["id"], api["name"], billed=False, remove=remove)


def _functions(names: GatewayNames, session: AwsSession) -> Iterator[Found]:
    client = session.client("lambda")
    for name in names.functions:
        function = unless_absent(partial(client.get_function, FunctionName=name))
        if function is not None and belongs(function.get("Tags", {}), names.prefix):
            remove = partial(client.delete_function, FunctionName=name)
            yield Found("lambda function", name, "", billed=False, remove=remove)


def _secrets(names: GatewayNames, session: AwsSession) -> Iterator[Found]:
    client = session.client("secretsmanager")
    filters = [{"Key": "name", "Values": [f"{names.prefix}-"]}]
    for secret in pages(client, "list_secrets", "SecretList", Filters=filters, IncludePlannedDeletion=True):
        if belongs(secret.get("Tags"), names.prefix):
            planned = "DeletedDate" in secret
            detail = "deletion is planned: its name stays taken until then" if planned else ""
            remove = partial(client.delete_secret, SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True)
            yield Found("secretsmanager secret", secret["Name"], detail, billed=not planned, remove=remove)


def _tables(names: GatewayNames, session: AwsSession) -> Iterator[Found]:
    client = session.client("dynamodb")
    answer = unless_absent(lambda: client.describe_table(TableName=names.budget_table))
    if answer is None or answer["Table"].get("TableStatus") == "DELETING":
        return
    tags = client.list_tags_of_resource(ResourceArn=answer["Table"]["TableArn"]).get("Tags")
    if belongs(tags, names.prefix):
        remove = partial(client.delete_table, TableName=names.budget_table)
        yield Found("dynamodb table", names.budget_table, "", billed=True, remove=remove)


def _log_groups(names: GatewayNames, session: AwsSession) -> Iterator[Found]:
    """Our own groups, and those that Lambda makes itself when a function outlives its group."""
    client = session.client("logs")
    prefixes = (names.log_prefix, *(f"/aws/lambda/{function}" for function in names.functions))
    for prefix in prefixes:
        for group in pages(client, "describe_log_groups", "logGroups", logGroupNamePrefix=prefix):
            name = group["logGroupName"]
            if name == prefix or prefix.endswith("/"):
                remove = partial(client.delete_log_group, logGroupName=name)
                detail = f"{group.get('storedBytes', 0)} bytes"
                yield Found("logs log group", name, detail, billed=True, remove=remove)


def _others(names: GatewayNames, session: AwsSession, checked: frozenset[str]) -> Iterator[Found]:
    """What carries the stack's tag but is of a service that no finder has looked at."""
    for arn in tagged_arns(session, names.prefix):
        if arn.split(":")[2] not in checked:
            detail = "carries the stack's tag; remove it by hand"
            yield Found("other tagged resource", arn, detail, billed=True, remove=None)

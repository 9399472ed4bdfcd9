"""Finders for what a gateway has in account-wide services: IAM roles, alarms, their topic, and the budget."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from llmstrat_iac.components.leftovers import Finder, Found, belongs, pages, unless_absent
from llmstrat_iac.components.names import GatewayNames
from llmstrat_iac.hookspecs import AwsSession


def account_finders(names: GatewayNames, session: AwsSession) -> list[Finder]:
    """In the order of removal."""
    return [
        Finder("cloudwatch alarm", partial(_alarms, names, session)),
        Finder("sns topic", partial(_topics, names, session)),
        Finder("budgets budget", partial(_budgets, names, session)),
        Finder("iam role", partial(_roles, names, session)),
    ]


def _alarms(names: GatewayNames, session: AwsSession) -> Iterator[Found]:
    client = session.client("cloudwatch")
    for alarm in client.describe_alarms(AlarmNames=list(names.alarms)).get("MetricAlarms") or ():
        tags = client.list_tags_for_resource(ResourceARN=alarm["AlarmArn"]).get("Tags")
        if belongs(tags, names.prefix):
            remove = partial(client.delete_alarms, AlarmNames=[alarm["AlarmName"]])
            yield Found("cloudwatch alarm", alarm["AlarmName"], "", billed=True, remove=remove)


def _topics(names: GatewayNames, session: AwsSession) -> Iterator[Found]:
    client = session.client("sns")
    for topic in pages(client, "list_topics", "Topics"):
        arn = topic["TopicArn"]
        if arn.rsplit(":", 1)[1] != names.topic:
            continue
        if belongs(client.list_tags_for_resource(ResourceArn=arn).get("Tags"), names.prefix):
            yield Found("sns topic", arn, "", billed=False, remove=partial(client.delete_topic, TopicArn=arn))


def _budgets(names: GatewayNames, session: AwsSession) -> Iterator[Found]:
    identity = session.client("sts").get_caller_identity()
    account, partition = identity["Account"], identity["Arn"].split(":")[1]
    client = session.client("budgets")
    name = names.monthly_budget
    if unless_absent(lambda: client.describe_budget(AccountId=account, BudgetName=name)) is None:
        return
    arn = f"arn:{partition}:budgets::{account}:budget/{name}"
    if belongs(client.list_tags_for_resource(ResourceARN=arn).get("ResourceTags"), names.prefix):
        remove = partial(client.delete_budget, AccountId=account, BudgetName=name)
        yield Found("budgets budget", name, "", billed=False, remove=remove)


def _roles(names: GatewayNames, session: AwsSession) -> Iterator[Found]:
    """By path: the tagging API doesn't return roles."""
    client = session.client("iam")
    for role in pages(client, "list_roles", "Roles", PathPrefix=names.role_path):
        if role["Path"] == names.role_path:
            remove = partial(_remove_role, client, role["RoleName"])
            yield Found("iam role", role["RoleName"], "", billed=False, remove=remove)


def _remove_role(client: Any, name: str) -> None:
    for policy in pages(client, "list_role_policies", "PolicyNames", RoleName=name):
        client.delete_role_policy(RoleName=name, PolicyName=policy)
    for policy in pages(client, "list_attached_role_policies", "AttachedPolicies", RoleName=name):
        client.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    client.delete_role(RoleName=name)

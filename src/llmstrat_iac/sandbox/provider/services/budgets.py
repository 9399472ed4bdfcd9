"""Budgets: one budget with its notifications, in the account as a whole (no region)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.shapes import (
    camel,
    changed,
    number,
    pascal,
    tag_delta,
    tag_list,
    tag_map,
)
from llmstrat_iac.sandbox.provider.values import Props

PERIOD = "%Y-%m-%d_%H:%M"


@resource("aws:budgets/budget:Budget")
class Budget(Resource):
    def create(self, call: Call, args: Props) -> str:
        client = call.client("budgets")
        account = args.get("accountId") or call.account_id
        client.create_budget(AccountId=account, Budget=_budget(args), ResourceTags=tag_list(args.get("tagsAll")))
        call.created_id = f"{account}:{args['name']}"
        for item in args.get("notifications") or []:
            _notify(client, account, args["name"], item)
        return call.created_id

    def identify(self, state: Props, rid: str) -> str:
        return f"{state['accountId']}:{state['name']}"

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        client = call.client("budgets")
        account, name = rid.split(":", 1)
        budget = client.describe_budget(AccountId=account, BudgetName=name)["Budget"]
        arn = f"arn:{call.partition}:budgets::{account}:budget/{name}"
        limit, period = budget.get("BudgetLimit") or {}, budget.get("TimePeriod") or {}
        filters = budget.get("CostFilters") or {}
        return {
            "accountId": account,
            "name": name,
            "arn": arn,
            "budgetType": budget["BudgetType"],
            "timeUnit": budget["TimeUnit"],
            "limitAmount": limit.get("Amount"),
            "limitUnit": limit.get("Unit"),
            "timePeriodStart": _period(period.get("Start")),
            "timePeriodEnd": _period(period.get("End")) or state.get("timePeriodEnd"),
            "costTypes": camel(budget.get("CostTypes") or {}),
            "costFilters": [{"name": key, "values": values} for key, values in sorted(filters.items())],
            "notifications": _notifications(client, account, name),
            "tagsAll": tag_map(client.list_tags_for_resource(ResourceARN=arn).get("ResourceTags")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        client = call.client("budgets")
        account, name = rid.split(":", 1)
        kept = {
            key: old.get(key) for key in ("costTypes", "costFilters", "limitAmount", "limitUnit", "timePeriodStart")
        }
        client.update_budget(AccountId=account, NewBudget=_budget({**kept, **new}))
        if changed(old, new, "notifications"):
            before, after = old.get("notifications") or [], new.get("notifications") or []
            for item in before:
                if item not in after:
                    client.delete_notification(AccountId=account, BudgetName=name, Notification=_notification(item))
            for item in after:
                if item not in before:
                    _notify(client, account, name, item)
        added, removed = tag_delta(old, new)
        if added:
            client.tag_resource(ResourceARN=old["arn"], ResourceTags=tag_list(added))
        if removed:
            client.untag_resource(ResourceARN=old["arn"], ResourceTagKeys=removed)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        account, name = rid.split(":", 1)
        call.client("budgets").delete_budget(AccountId=account, BudgetName=name)


def _budget(args: Props) -> Props:
    budget: Props = {
        "BudgetName": args["name"],
        "BudgetType": args["budgetType"],
        "TimeUnit": args["timeUnit"],
    }
    if args.get("limitAmount"):
        budget["BudgetLimit"] = {"Amount": args["limitAmount"], "Unit": args.get("limitUnit") or "USD"}
    period = {"Start": args.get("timePeriodStart"), "End": args.get("timePeriodEnd")}
    known = {key: datetime.strptime(text, PERIOD).replace(tzinfo=UTC) for key, text in period.items() if text}
    if known:
        budget["TimePeriod"] = known
    if args.get("costTypes"):
        budget["CostTypes"] = pascal(args["costTypes"])
    if args.get("costFilters"):
        budget["CostFilters"] = {item["name"]: item["values"] for item in args["costFilters"]}
    return budget


def _period(value: Any) -> str | None:
    if value is None:
        return None
    moment = value if isinstance(value, datetime) else datetime.fromtimestamp(float(value), UTC)
    return moment.astimezone(UTC).strftime(PERIOD)


def _notification(item: Props) -> Props:
    names = ("notificationType", "comparisonOperator", "threshold", "thresholdType")
    return pascal({name: item[name] for name in names})  # type: ignore[no-any-return]


def _notify(client: Any, account: str, name: str, item: Props) -> None:
    subscribers = [
        {"SubscriptionType": kind, "Address": address}
        for kind, prop in {"EMAIL": "subscriberEmailAddresses", "SNS": "subscriberSnsTopicArns"}.items()
        for address in item.get(prop) or []
    ]
    client.create_notification(
        AccountId=account, BudgetName=name, Notification=_notification(item), Subscribers=subscribers
    )


def _notifications(client: Any, account: str, name: str) -> list[Props]:
    found = client.describe_notifications_for_budget(AccountId=account, BudgetName=name).get("Notifications") or []
    result = []
    for item in found:
        names = ("NotificationType", "ComparisonOperator", "Threshold", "ThresholdType")
        key = {name: item[name] for name in names if name in item}
        answer = client.describe_subscribers_for_notification(AccountId=account, BudgetName=name, Notification=key)
        block = {**camel(key), "threshold": number(item["Threshold"])}
        block.setdefault("thresholdType", "PERCENTAGE")
        for kind, prop in {"EMAIL": "subscriberEmailAddresses", "SNS": "subscriberSnsTopicArns"}.items():
            addresses = [sub["Address"] for sub in answer["Subscribers"] if sub["SubscriptionType"] == kind]
            if addresses:
                block[prop] = addresses
        result.append(block)
    return result

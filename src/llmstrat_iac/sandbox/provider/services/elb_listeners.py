"""Listeners and their rules."""

from __future__ import annotations

from typing import Any, ClassVar

from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.elb import elb_tags, retag_elb, tags_option
from llmstrat_iac.sandbox.provider.services.shapes import camel, changed, pascal, request
from llmstrat_iac.sandbox.provider.values import Props

ACTION_BLOCKS = {
    "fixedResponse": "FixedResponseConfig", "redirect": "RedirectConfig", "authenticateOidc": "AuthenticateOidcConfig",
    "authenticateCognito": "AuthenticateCognitoConfig",
}  # fmt: skip
CONDITIONS = {
    "hostHeader": ("host-header", "HostHeaderConfig"), "pathPattern": ("path-pattern", "PathPatternConfig"),
    "httpRequestMethod": ("http-request-method", "HttpRequestMethodConfig"),
    "sourceIp": ("source-ip", "SourceIpConfig"), "httpHeader": ("http-header", "HttpHeaderConfig"),
}  # fmt: skip


def actions_to_api(actions: list[Props]) -> list[Props]:
    """Actions as the API takes them."""
    result = []
    for number, action in enumerate(actions, 1):
        made: Props = {"Type": action["type"], "Order": action.get("order") or number}
        made |= request(action, {"TargetGroupArn": "targetGroupArn"})
        made |= {api: pascal(action[prop]) for prop, api in ACTION_BLOCKS.items() if action.get(prop)}
        forward = action.get("forward")
        if forward:
            groups = [
                {"TargetGroupArn": each["arn"], "Weight": each.get("weight", 1)} for each in forward["targetGroups"]
            ]
            made["ForwardConfig"] = {"TargetGroups": groups}
            if forward.get("stickiness"):
                sticky = request(forward["stickiness"], {"Enabled": "enabled", "DurationSeconds": "duration"})
                made["ForwardConfig"]["TargetGroupStickinessConfig"] = sticky
        result.append(made)
    return result


def actions_from_api(found: list[Props], asked: list[Props]) -> list[Props]:
    """The reverse. The API tells of one target group in two forms; the program's form is kept."""
    result = []
    for index, action in enumerate(found):
        wanted = asked[index] if index < len(asked) else {}
        made: Props = {"type": action["Type"], "order": action.get("Order", index + 1)}
        made |= {prop: camel(action[api]) for prop, api in ACTION_BLOCKS.items() if action.get(api)}
        if action["Type"] == "forward":
            made |= _forward(action, wanted)
        result.append(made)
    return result


def _forward(action: Props, wanted: Props) -> Props:
    config = action.get("ForwardConfig") or {}
    groups = config.get("TargetGroups") or []
    if not wanted.get("forward") and len(groups) < 2 and action.get("TargetGroupArn"):
        return {"targetGroupArn": action["TargetGroupArn"]}
    sticky = config.get("TargetGroupStickinessConfig") or {}
    return {
        "forward": {
            "targetGroups": [{"arn": each["TargetGroupArn"], "weight": each.get("Weight", 1)} for each in groups],
            "stickiness": {"enabled": sticky.get("Enabled", False), "duration": sticky.get("DurationSeconds", 0)},
        }
    }


@resource("aws:lb/listener:Listener")
class Listener(Resource):
    NAMES: ClassVar[dict[str, str]] = {"Port": "port", "Protocol": "protocol", "SslPolicy": "sslPolicy"}

    def create(self, call: Call, args: Props) -> str:
        made = call.client("elbv2").create_listener(
            LoadBalancerArn=args["loadBalancerArn"], DefaultActions=actions_to_api(args["defaultActions"]),
            **self._options(args), **tags_option(args),
        )  # fmt: skip
        return str(made["Listeners"][0]["ListenerArn"])

    def _options(self, args: Props) -> Props:
        options = request(args, self.NAMES)
        if args.get("certificateArn"):
            options["Certificates"] = [{"CertificateArn": args["certificateArn"]}]
        return options

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        elb = call.client("elbv2")
        found = elb.describe_listeners(ListenerArns=[rid])["Listeners"][0]
        certificates = found.get("Certificates") or []
        return {
            "arn": rid,
            "loadBalancerArn": found["LoadBalancerArn"],
            "port": found["Port"],
            "protocol": found["Protocol"],
            "sslPolicy": found.get("SslPolicy") or "",
            "certificateArn": certificates[0]["CertificateArn"] if certificates else None,
            "defaultActions": actions_from_api(found["DefaultActions"], state.get("defaultActions") or []),
            "tagsAll": elb_tags(elb, rid),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        elb = call.client("elbv2")
        if changed(old, new, "port", "protocol", "sslPolicy", "certificateArn", "defaultActions"):
            actions = actions_to_api(new["defaultActions"])
            elb.modify_listener(ListenerArn=rid, DefaultActions=actions, **self._options(new))
        retag_elb(elb, rid, old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("elbv2").delete_listener(ListenerArn=rid)


@resource("aws:lb/listenerRule:ListenerRule")
class ListenerRule(Resource):
    def create(self, call: Call, args: Props) -> str:
        elb = call.client("elbv2")
        priority = args.get("priority") or _next_priority(elb, args["listenerArn"])
        made = elb.create_rule(
            ListenerArn=args["listenerArn"], Priority=priority, Conditions=_conditions(args["conditions"]),
            Actions=actions_to_api(args["actions"]), **tags_option(args),
        )  # fmt: skip
        return str(made["Rules"][0]["RuleArn"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        elb = call.client("elbv2")
        found = elb.describe_rules(RuleArns=[rid])["Rules"]
        if not found:
            return None
        rule = found[0]
        return {
            "arn": rid,
            "listenerArn": rid.replace(":listener-rule/", ":listener/").rpartition("/")[0],
            "priority": int(rule["Priority"]),
            "conditions": [_condition(each) for each in rule["Conditions"]],
            "actions": actions_from_api(rule["Actions"], state.get("actions") or []),
            "tagsAll": elb_tags(elb, rid),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        elb = call.client("elbv2")
        if "priority" in new and changed(old, new, "priority"):
            elb.set_rule_priorities(RulePriorities=[{"RuleArn": rid, "Priority": new["priority"]}])
        if changed(old, new, "conditions", "actions"):
            conditions, actions = _conditions(new["conditions"]), actions_to_api(new["actions"])
            elb.modify_rule(RuleArn=rid, Conditions=conditions, Actions=actions)
        retag_elb(elb, rid, old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("elbv2").delete_rule(RuleArn=rid)


def _next_priority(elb: Any, listener: str) -> int:
    rules = elb.describe_rules(ListenerArn=listener)["Rules"]
    return max((int(each["Priority"]) for each in rules if each["Priority"] != "default"), default=0) + 1


def _conditions(conditions: list[Props]) -> list[Props]:
    result = []
    for condition in conditions:
        for prop, (field, api) in CONDITIONS.items():
            if condition.get(prop):
                result.append({"Field": field, api: pascal(condition[prop])})
        if condition.get("queryStrings"):
            values = [pascal(each) for each in condition["queryStrings"]]
            result.append({"Field": "query-string", "QueryStringConfig": {"Values": values}})
    return result


def _condition(found: Props) -> Props:
    for prop, (field, api) in CONDITIONS.items():
        if found["Field"] == field:
            return {prop: camel(found.get(api) or {"Values": found.get("Values") or []})}
    return {"queryStrings": camel((found.get("QueryStringConfig") or {}).get("Values") or [])}

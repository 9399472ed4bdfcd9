"""Listeners and rules with every action and condition that they are given, weights included."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from ministack.services import alb

from llmstrat_iac.sandbox.emulator.compute.elb_records import arn, attribute_list, balancer_of
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments, PassOnError

Record = dict[str, Any]
_LISTENER_ATTRIBUTES = {"routing.http.response.server.enabled": "true"}
# A condition's values stand in a block of their own kind; the data plane reads them from `Values`.
_CONDITIONS = {
    "path-pattern": "PathPatternConfig", "host-header": "HostHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig", "source-ip": "SourceIpConfig",
}  # fmt: skip


def create_listener(asked: Arguments) -> Mapping[str, Any]:
    """CreateListener, and the default rule that the data plane reads."""
    record = balancer_of(asked["LoadBalancerArn"])
    port = int(asked.get("Port") or 80)
    if any(
        each["LoadBalancerArn"] == record["LoadBalancerArn"] and each["Port"] == port
        for each in alb._listeners.values()
    ):
        raise ApiError("DuplicateListener", f"A listener already exists on port {port} for this load balancer")
    path = record["LoadBalancerArn"].rpartition("loadbalancer/")[2]
    listener = arn(f"listener/{path}/{secrets.token_hex(8)}")
    made: Record = {
        "ListenerArn": listener,
        "LoadBalancerArn": record["LoadBalancerArn"],
        "Port": port,
        "Protocol": asked.get("Protocol") or "HTTP",
        "DefaultActions": actions(asked["DefaultActions"]),
    }
    _secure(made, asked)
    alb._listeners[listener] = made
    alb._listener_attrs[listener] = attribute_list(_LISTENER_ATTRIBUTES)
    alb._tags[listener] = list(asked.get("Tags") or ())
    _add_rule(listener, "default", [], made["DefaultActions"])
    return {"Listeners": [_shown_listener(made)]}


def _secure(made: Record, asked: Arguments) -> None:
    certificates = [each["CertificateArn"] for each in asked.get("Certificates") or () if each.get("CertificateArn")]
    alb._apply_tls_settings(made, certificates, asked.get("SslPolicy"))


def actions(asked: Sequence[Mapping[str, Any]]) -> list[Record]:
    """Actions in full: a forward names its target group both ways, and in order."""
    result = []
    for number, each in enumerate(asked, 1):
        action = {"Order": number, **each}
        forward = action.get("ForwardConfig") or {}
        targets = forward.get("TargetGroups") or ()
        if action["Type"] == "forward":
            names = (
                [action["TargetGroupArn"]]
                if action.get("TargetGroupArn")
                else [one["TargetGroupArn"] for one in targets]
            )
            for name in names:
                if name not in alb._tgs:
                    raise ApiError("TargetGroupNotFound", f"Target groups '{name}' not found")
            if len(names) == 1:
                action["TargetGroupArn"] = names[0]
            weighted = [{"Weight": 1, **one} for one in targets] or [{"TargetGroupArn": names[0], "Weight": 1}]
            action["ForwardConfig"] = {
                "TargetGroupStickinessConfig": {"Enabled": False},
                **forward,
                "TargetGroups": weighted,
            }
        result.append(action)
    return result


def describe_listeners(asked: Arguments) -> Mapping[str, Any]:
    """DescribeListeners."""
    arns, balancer = asked.get("ListenerArns") or (), asked.get("LoadBalancerArn")
    for listener in arns:
        _listener(listener)
    if balancer:
        balancer_of(balancer)
    records = [
        each
        for each in alb._listeners.values()
        if (not arns or each["ListenerArn"] in arns) and balancer in (None, each["LoadBalancerArn"])
    ]
    return {"Listeners": [_shown_listener(each) for each in records]}


def _shown_listener(record: Record) -> Record:
    certificates = [{"CertificateArn": each} for each in record.get("Certificates") or ()]
    return {**record, "Certificates": certificates or None}


def _listener(listener: str) -> Record:
    found: Record | None = alb._listeners.get(listener)
    if found is None:
        raise ApiError("ListenerNotFound", f"Listener '{listener}' not found")
    return found


def modify_listener(asked: Arguments) -> Mapping[str, Any]:
    """ModifyListener."""
    record = _listener(asked["ListenerArn"])
    record |= {key: asked[key] for key in ("Port", "Protocol") if asked.get(key)}
    _secure(record, asked)
    if asked.get("DefaultActions"):
        record["DefaultActions"] = actions(asked["DefaultActions"])
        for rule in alb._rules.values():
            if rule["ListenerArn"] == record["ListenerArn"] and rule["IsDefault"]:
                rule["Actions"] = record["DefaultActions"]
    return {"Listeners": [_shown_listener(record)]}


def delete_listener(asked: Arguments) -> Mapping[str, Any]:
    """DeleteListener."""
    _listener(asked["ListenerArn"])
    remove_listener(asked["ListenerArn"])
    return {}


def remove_listener(listener: str) -> None:
    """Forget a listener and its rules."""
    for store in (alb._listeners, alb._listener_attrs, alb._tags):
        store.pop(listener, None)
    for rule in [key for key, each in alb._rules.items() if each.get("ListenerArn") == listener]:
        alb._rules.pop(rule, None)
        alb._tags.pop(rule, None)


def create_rule(asked: Arguments) -> Mapping[str, Any]:
    """CreateRule; each listener's priorities differ. Upstream makes those with transforms."""
    if asked.get("Transforms"):
        raise PassOnError
    listener = _listener(asked["ListenerArn"])["ListenerArn"]
    priority = str(asked["Priority"])
    if any(each["ListenerArn"] == listener and each["Priority"] == priority for each in alb._rules.values()):
        raise ApiError("PriorityInUse", f"Priority '{priority}' is currently in use")
    made = _add_rule(listener, priority, _conditions(asked["Conditions"]), actions(asked["Actions"]))
    alb._tags[made["RuleArn"]] = list(asked.get("Tags") or ())
    return {"Rules": [made]}


def _add_rule(listener: str, priority: str, conditions: list[Record], wanted: list[Record]) -> Record:
    rule = f"{listener.replace(':listener/', ':listener-rule/')}/{secrets.token_hex(8)}"
    alb._rules[rule] = {
        "RuleArn": rule,
        "ListenerArn": listener,
        "Priority": priority,
        "Conditions": conditions,
        "Actions": wanted,
        "IsDefault": priority == "default",
        "Transforms": [],
    }
    return alb._rules[rule]  # type: ignore[no-any-return]


def _conditions(asked: Sequence[Mapping[str, Any]]) -> list[Record]:
    result = []
    for each in asked:
        block = each.get(_CONDITIONS.get(each["Field"], "")) or {}
        values = each.get("Values") or block.get("Values") or []
        own = {_CONDITIONS[each["Field"]]: {"Values": values}} if each["Field"] in _CONDITIONS else {}
        result.append({**each, **own, "Values": values})
    return result


def describe_rules(asked: Arguments) -> Mapping[str, Any]:
    """DescribeRules."""
    arns, listener = asked.get("RuleArns") or (), asked.get("ListenerArn")
    for rule in arns:
        _rule(rule)
    if listener:
        _listener(listener)
    records = [
        each
        for each in alb._rules.values()
        if (not arns or each["RuleArn"] in arns) and listener in (None, each["ListenerArn"])
    ]
    return {"Rules": records}


def _rule(rule: str) -> Record:
    found: Record | None = alb._rules.get(rule)
    if found is None:
        raise ApiError("RuleNotFound", f"Rules '{rule}' not found")
    return found


def modify_rule(asked: Arguments) -> Mapping[str, Any]:
    """ModifyRule, but for transforms."""
    if asked.get("Transforms") or asked.get("ResetTransforms"):
        raise PassOnError
    record = _rule(asked["RuleArn"])
    if asked.get("Conditions"):
        record["Conditions"] = _conditions(asked["Conditions"])
    if asked.get("Actions"):
        record["Actions"] = actions(asked["Actions"])
    return {"Rules": [record]}

"""Load balancers, listeners and rules as ELBv2 keeps them: with every action, and gone as a whole."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import alb, ec2

from llmstrat_iac.sandbox.emulator.compute import interfaces
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments, PassOnError

Record = dict[str, Any]
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#load-balancer-attributes
_ATTRIBUTES = {
    "access_logs.s3.enabled": "false", "access_logs.s3.bucket": "", "access_logs.s3.prefix": "",
    "connection_logs.s3.enabled": "false", "connection_logs.s3.bucket": "", "connection_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600", "deletion_protection.enabled": "false", "idle_timeout.timeout_seconds": "60",
    "ipv6.deny_all_igw_traffic": "false", "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive", "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false", "routing.http.xff_client_port.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_header_processing.mode": "append", "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false", "zonal_shift.config.enabled": "false",
}  # fmt: skip
_LISTENER_ATTRIBUTES = {"routing.http.response.server.enabled": "true"}
_LONGEST_NAME = 32
_LONGEST_IDLE = 4000
_IDLE = "idle_timeout.timeout_seconds"
# A condition's values stand in a block of their own kind; the data plane reads them from `Values`.
_CONDITIONS = {
    "path-pattern": "PathPatternConfig", "host-header": "HostHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig", "source-ip": "SourceIpConfig",
}  # fmt: skip


def arn(resource: str) -> str:
    """The ARN of something of this account in this region."""
    return f"arn:aws:elasticloadbalancing:{get_region()}:{get_account_id()}:{resource}"


def check_name(name: str, what: str) -> None:
    """Refuse a name that ELBv2 refuses."""
    if not 1 <= len(name) <= _LONGEST_NAME:
        message = f"The {what} name '{name}' cannot be longer than '{_LONGEST_NAME}' characters"
        raise ApiError("ValidationError", message)


def create_balancer(asked: Arguments) -> Mapping[str, Any]:
    """CreateLoadBalancer."""
    name, kind = asked["Name"], asked.get("Type") or "application"
    check_name(name, "load balancer")
    if any(each["LoadBalancerName"] == name for each in alb._lbs.values()):
        raise ApiError("DuplicateLoadBalancerName", f"A load balancer with the name '{name}' already exists")
    subnets = list(asked.get("Subnets") or [each["SubnetId"] for each in asked.get("SubnetMappings") or ()])
    vpc_id = _check_subnets(subnets, kind)
    scheme, number = asked.get("Scheme") or "internet-facing", secrets.token_hex(8)
    prefix = "internal-" if scheme == "internal" else ""
    balancer = arn(f"loadbalancer/{'net' if kind == 'network' else 'app'}/{name}/{number}")
    record: Record = {
        "LoadBalancerArn": balancer,
        "LoadBalancerName": name,
        "DNSName": f"{prefix}{name}-{number[:10]}.{get_region()}.elb.amazonaws.com",
        "CanonicalHostedZoneId": "Z35SXDOTRQ7X7K",
        "Scheme": scheme,
        "VpcId": vpc_id,
        "State": "active",
        "Type": kind,
        "Subnets": [],
        "SecurityGroups": [each["GroupId"] for each in _groups(asked.get("SecurityGroups") or (), vpc_id)],
        "IpAddressType": asked.get("IpAddressType") or "ipv4",
        "CreatedTime": alb._now_iso(),
        "_interfaces": {},
    }
    _place(record, subnets)
    alb._lbs[balancer] = record
    alb._tags[balancer] = list(asked.get("Tags") or ())
    alb._lb_attrs[balancer] = attribute_list(_ATTRIBUTES)
    return {"LoadBalancers": [_shown(record)]}


def attribute_list(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Attributes as upstream keeps them."""
    return [{"Key": key, "Value": value} for key, value in values.items()]


def _check_subnets(subnet_ids: Sequence[str], kind: str) -> str:
    places = []
    for subnet_id in subnet_ids:
        if subnet_id not in ec2._subnets:
            raise ApiError("SubnetNotFound", f"The subnet ID '{subnet_id}' does not exist")
        places.append(ec2._subnets[subnet_id])
    if len({each["AvailabilityZone"] for each in places}) < (2 if kind == "application" else 1):
        raise ApiError("ValidationError", "At least two subnets in two different Availability Zones must be specified")
    if len({each["VpcId"] for each in places}) > 1:
        raise ApiError("InvalidConfigurationRequest", "All subnets must belong to the same VPC")
    return str(places[0]["VpcId"])


def _groups(group_ids: Sequence[str], vpc_id: str) -> list[Record]:
    try:
        return interfaces.security_groups(group_ids, vpc_id)
    except ApiError as error:
        raise ApiError("InvalidSecurityGroup", error.message) from None


def _place(record: Record, subnet_ids: Iterable[str]) -> None:
    """Give it an interface in each of the subnets, and in no other."""
    wanted, held = list(subnet_ids), record["_interfaces"]
    interfaces.remove(held.pop(each) for each in [each for each in held if each not in wanted])
    path = record["LoadBalancerArn"].rpartition("loadbalancer/")[2]
    for subnet_id in wanted:
        if subnet_id not in held:
            made = interfaces.add(subnet_id, record["SecurityGroups"], description=f"ELB {path}")
            held[subnet_id] = made["NetworkInterfaceId"]
    record["Subnets"] = wanted


def describe_balancers(asked: Arguments) -> Mapping[str, Any]:
    """DescribeLoadBalancers."""
    arns, names = asked.get("LoadBalancerArns") or (), asked.get("Names") or ()
    for balancer in arns:
        _balancer(balancer)
    records = [
        each
        for each in alb._lbs.values()
        if (not arns or each["LoadBalancerArn"] in arns) and (not names or each["LoadBalancerName"] in names)
    ]
    if names and not records:
        raise ApiError("LoadBalancerNotFound", f"Load balancers '[{', '.join(names)}]' not found")
    return {"LoadBalancers": [_shown(each) for each in records]}


def _shown(record: Record) -> Record:
    zones = [
        {"ZoneName": ec2._subnets[each]["AvailabilityZone"], "SubnetId": each, "LoadBalancerAddresses": []}
        for each in record["Subnets"]
        if each in ec2._subnets
    ]
    return {**record, "State": {"Code": record["State"]}, "AvailabilityZones": zones}


def _balancer(balancer: str) -> Record:
    found: Record | None = alb._lbs.get(balancer)
    if found is None:
        raise ApiError("LoadBalancerNotFound", f"Load balancer '{balancer}' not found")
    return found


def delete_balancer(asked: Arguments) -> Mapping[str, Any]:
    """DeleteLoadBalancer, with its listeners and their rules; one that is gone already is no error."""
    balancer = asked["LoadBalancerArn"]
    record = alb._lbs.get(balancer)
    if record is None:
        return {}
    if alb._lb_attr(balancer, "deletion_protection.enabled", "false") == "true":
        message = f"Load balancer '{balancer}' cannot be deleted because deletion protection is enabled"
        raise ApiError("OperationNotPermitted", message)
    for listener in [key for key, each in alb._listeners.items() if each["LoadBalancerArn"] == balancer]:
        _remove_listener(listener)
    interfaces.remove(record["_interfaces"].values())
    for store in (alb._lbs, alb._lb_attrs, alb._tags):
        store.pop(balancer, None)
    return {}


def modify_attributes(asked: Arguments) -> Mapping[str, Any]:
    """Refuse an idle timeout beyond ELBv2's maximum; upstream keeps the rest."""
    for each in asked.get("Attributes") or ():
        if each["Key"] == _IDLE and not 1 <= int(each["Value"]) <= _LONGEST_IDLE:
            message = (
                f"Load balancer attribute value '{each['Value']}' for '{_IDLE}' must be between 1 and {_LONGEST_IDLE}"
            )
            raise ApiError("InvalidConfigurationRequest", message)
    raise PassOnError


def set_subnets(asked: Arguments) -> Mapping[str, Any]:
    """SetSubnets."""
    record = _balancer(asked["LoadBalancerArn"])
    subnets = list(asked.get("Subnets") or [each["SubnetId"] for each in asked.get("SubnetMappings") or ()])
    _check_subnets(subnets, record["Type"])
    _place(record, subnets)
    return {"AvailabilityZones": _shown(record)["AvailabilityZones"], "IpAddressType": record["IpAddressType"]}


def set_security_groups(asked: Arguments) -> Mapping[str, Any]:
    """SetSecurityGroups."""
    record = _balancer(asked["LoadBalancerArn"])
    groups = _groups(asked["SecurityGroups"], record["VpcId"])
    record["SecurityGroups"] = [each["GroupId"] for each in groups]
    for interface_id in record["_interfaces"].values():
        ec2._network_interfaces[interface_id]["Groups"] = groups
    return {"SecurityGroupIds": record["SecurityGroups"]}


def create_listener(asked: Arguments) -> Mapping[str, Any]:
    """CreateListener, and the default rule that the data plane reads."""
    record = _balancer(asked["LoadBalancerArn"])
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
        _balancer(balancer)
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
    _remove_listener(asked["ListenerArn"])
    return {}


def _remove_listener(listener: str) -> None:
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

"""Load balancers as ELBv2 keeps them: in their subnets' VPC, with interfaces there, gone with all their listeners."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ministack.core.responses import get_region
from ministack.services import alb, ec2

from llmstrat_iac.sandbox.emulator.compute import interfaces
from llmstrat_iac.sandbox.emulator.compute.elb_records import arn, attribute_list, balancer_of, check_name
from llmstrat_iac.sandbox.emulator.compute.listeners import remove_listener
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
_LONGEST_IDLE = 4000
_IDLE = "idle_timeout.timeout_seconds"


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
        balancer_of(balancer)
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
        remove_listener(listener)
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
    record = balancer_of(asked["LoadBalancerArn"])
    subnets = list(asked.get("Subnets") or [each["SubnetId"] for each in asked.get("SubnetMappings") or ()])
    _check_subnets(subnets, record["Type"])
    _place(record, subnets)
    return {"AvailabilityZones": _shown(record)["AvailabilityZones"], "IpAddressType": record["IpAddressType"]}


def set_security_groups(asked: Arguments) -> Mapping[str, Any]:
    """SetSecurityGroups."""
    record = balancer_of(asked["LoadBalancerArn"])
    groups = _groups(asked["SecurityGroups"], record["VpcId"])
    record["SecurityGroups"] = [each["GroupId"] for each in groups]
    for interface_id in record["_interfaces"].values():
        ec2._network_interfaces[interface_id]["Groups"] = groups
    return {"SecurityGroupIds": record["SecurityGroups"]}

"""Load balancers, target groups, and targets."""

from __future__ import annotations

from typing import Any, ClassVar

from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.shapes import (
    changed,
    pascal,
    request,
    tag_delta,
    tag_list,
    tag_map,
    truth,
    wire,
)
from llmstrat_iac.sandbox.provider.values import Props

# Attribute to property, by the kinds of load balancers that have it.
APPLICATION = {
    "client_keep_alive.seconds": "clientKeepAlive", "idle_timeout.timeout_seconds": "idleTimeout",
    "routing.http.desync_mitigation_mode": "desyncMitigationMode",
    "routing.http.drop_invalid_header_fields.enabled": "dropInvalidHeaderFields",
    "routing.http.preserve_host_header.enabled": "preserveHostHeader",
    "routing.http.xff_client_port.enabled": "enableXffClientPort",
    "routing.http.xff_header_processing.mode": "xffHeaderProcessingMode", "routing.http2.enabled": "enableHttp2",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "enableTlsVersionAndCipherSuiteHeaders",
    "waf.fail_open.enabled": "enableWafFailOpen",
}  # fmt: skip
ANY = {"deletion_protection.enabled": "enableDeletionProtection", "zonal_shift.config.enabled": "enableZonalShift"}
LOGS = {"accessLogs": "access_logs.s3", "connectionLogs": "connection_logs.s3"}
GROUP = {
    "deregistration_delay.timeout_seconds": "deregistrationDelay", "slow_start.duration_seconds": "slowStart",
    "load_balancing.algorithm.type": "loadBalancingAlgorithmType",
    "load_balancing.algorithm.anomaly_mitigation": "loadBalancingAnomalyMitigation",
    "load_balancing.cross_zone.enabled": "loadBalancingCrossZoneEnabled",
}  # fmt: skip
CHECK = {
    "HealthCheckEnabled": "enabled", "HealthCheckIntervalSeconds": "interval", "HealthCheckPath": "path",
    "HealthCheckPort": "port", "HealthCheckProtocol": "protocol", "HealthCheckTimeoutSeconds": "timeout",
    "HealthyThresholdCount": "healthyThreshold", "UnhealthyThresholdCount": "unhealthyThreshold",
}  # fmt: skip


def elb_tags(elb: Any, arn: str) -> dict[str, str]:
    """The tags of something of ELB's."""
    return tag_map(elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"])


def retag_elb(elb: Any, arn: str, old: Props, new: Props) -> None:
    """Bring tags from an old state to new inputs."""
    added, removed = tag_delta(old, new)
    if added:
        elb.add_tags(ResourceArns=[arn], Tags=tag_list(added))
    if removed:
        elb.remove_tags(ResourceArns=[arn], TagKeys=removed)


def tags_option(args: Props) -> Props:
    """Tags of a create call, which takes no empty list."""
    return {"Tags": tag_list(args["tagsAll"])} if args.get("tagsAll") else {}


@resource("aws:lb/loadBalancer:LoadBalancer")
class LoadBalancer(Resource):
    NAMES: ClassVar[dict[str, str]] = {
        "Name": "name", "Type": "loadBalancerType", "Subnets": "subnets", "SecurityGroups": "securityGroups",
        "IpAddressType": "ipAddressType",
    }  # fmt: skip

    def create(self, call: Call, args: Props) -> str:
        elb = call.client("elbv2")
        scheme = "internal" if args.get("internal") else "internet-facing"
        options = request(args, self.NAMES) | tags_option(args)
        if args.get("subnetMappings"):
            options["SubnetMappings"] = pascal(args["subnetMappings"])
        rid = str(elb.create_load_balancer(Scheme=scheme, **options)["LoadBalancers"][0]["LoadBalancerArn"])
        call.created_id = rid
        self._set(elb, rid, {}, args)
        return rid

    def _set(self, elb: Any, rid: str, old: Props, new: Props) -> None:
        names = ANY | (APPLICATION if new["loadBalancerType"] == "application" else {})
        values = {key: wire(new[prop]) for key, prop in names.items() if new.get(prop) != old.get(prop) and prop in new}
        if new["loadBalancerType"] != "application" and changed(old, new, "enableCrossZoneLoadBalancing"):
            values["load_balancing.cross_zone.enabled"] = wire(bool(new.get("enableCrossZoneLoadBalancing")))
        for prop, key in LOGS.items():
            if changed(old, new, prop):
                block = new.get(prop) or {}
                values |= {f"{key}.enabled": wire(bool(block.get("enabled")))}
                values |= {f"{key}.{part}": block[part] for part in ("bucket", "prefix") if block.get(part)}
        if values:
            attributes = [{"Key": key, "Value": value} for key, value in values.items()]
            elb.modify_load_balancer_attributes(LoadBalancerArn=rid, Attributes=attributes)

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        elb = call.client("elbv2")
        found = elb.describe_load_balancers(LoadBalancerArns=[rid])["LoadBalancers"][0]
        answer = elb.describe_load_balancer_attributes(LoadBalancerArn=rid)["Attributes"]
        values = {each["Key"]: each.get("Value", "") for each in answer}
        application = found["Type"] == "application"
        result = {prop: _typed(values[key]) for key, prop in (ANY | (APPLICATION if application else {})).items()}
        for prop, key in LOGS.items():
            on = truth(values.get(f"{key}.enabled"))
            result[prop] = {"enabled": on, **{part: values.get(f"{key}.{part}") or "" for part in ("bucket", "prefix")}}
        return {
            **result,
            "arn": rid,
            "arnSuffix": rid.rpartition(":loadbalancer/")[2],
            "name": found["LoadBalancerName"],
            "internal": found["Scheme"] == "internal",
            "loadBalancerType": found["Type"],
            "dnsName": found["DNSName"],
            "zoneId": found["CanonicalHostedZoneId"],
            "vpcId": found["VpcId"],
            "ipAddressType": found["IpAddressType"],
            "securityGroups": sorted(found.get("SecurityGroups") or ()),
            "subnets": sorted(each["SubnetId"] for each in found["AvailabilityZones"]),
            "subnetMappings": [{"subnetId": each["SubnetId"]} for each in found["AvailabilityZones"]],
            "tagsAll": elb_tags(elb, rid),
        }

    def replaced_by(self, state: Props, news: Props) -> frozenset[str]:
        """A network load balancer keeps its subnets, and having security groups or not; any keeps its mappings."""
        names: set[str] = set()
        if {*map(str, state.get("subnetMappings") or ())} - {*map(str, news.get("subnetMappings") or ())}:
            names |= {"subnetMappings"} if "subnetMappings" in news else set()
        if state.get("loadBalancerType") == "network":
            if {*(state.get("subnets") or ())} - {*(news.get("subnets") or ())}:
                names.add("subnets")
            if bool(state.get("securityGroups")) != bool(news.get("securityGroups")):
                names.add("securityGroups")
        return frozenset(names)

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        elb = call.client("elbv2")
        self._set(elb, rid, old, new)
        if "securityGroups" in new and set(old.get("securityGroups") or ()) != set(new["securityGroups"] or ()):
            elb.set_security_groups(LoadBalancerArn=rid, SecurityGroups=new["securityGroups"])
        if "subnets" in new and set(old.get("subnets") or ()) != set(new["subnets"] or ()):
            elb.set_subnets(LoadBalancerArn=rid, Subnets=new["subnets"])
        if "ipAddressType" in new and changed(old, new, "ipAddressType"):
            elb.set_ip_address_type(LoadBalancerArn=rid, IpAddressType=new["ipAddressType"])
        retag_elb(elb, rid, old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("elbv2").delete_load_balancer(LoadBalancerArn=rid)


def _typed(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isdigit() else text


@resource("aws:lb/targetGroup:TargetGroup")
class TargetGroup(Resource):
    NAMES: ClassVar[dict[str, str]] = {
        "Name": "name", "Port": "port", "Protocol": "protocol", "ProtocolVersion": "protocolVersion", "VpcId": "vpcId",
        "TargetType": "targetType", "IpAddressType": "ipAddressType",
    }  # fmt: skip

    def create(self, call: Call, args: Props) -> str:
        elb = call.client("elbv2")
        options = request(args, self.NAMES) | _check(args) | tags_option(args)
        rid = str(elb.create_target_group(**options)["TargetGroups"][0]["TargetGroupArn"])
        call.created_id = rid
        self._set(elb, rid, {}, args)
        return rid

    def _set(self, elb: Any, rid: str, old: Props, new: Props) -> None:
        values = {key: wire(new[prop]) for key, prop in GROUP.items() if prop in new and old.get(prop) != new[prop]}
        if changed(old, new, "stickiness") and new.get("stickiness"):
            block = new["stickiness"]
            cookie = "app_cookie" if block["type"] == "app_cookie" else "lb_cookie"
            values |= {"stickiness.enabled": wire(block.get("enabled") is not False), "stickiness.type": block["type"]}
            if block.get("cookieDuration"):
                values[f"stickiness.{cookie}.duration_seconds"] = wire(block["cookieDuration"])
            if block.get("cookieName"):
                values["stickiness.app_cookie.cookie_name"] = block["cookieName"]
        if values:
            attributes = [{"Key": key, "Value": value} for key, value in values.items()]
            elb.modify_target_group_attributes(TargetGroupArn=rid, Attributes=attributes)

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        elb = call.client("elbv2")
        found = elb.describe_target_groups(TargetGroupArns=[rid])["TargetGroups"][0]
        answer = elb.describe_target_group_attributes(TargetGroupArn=rid)["Attributes"]
        values = {each["Key"]: each.get("Value", "") for each in answer}
        cookie = "app_cookie" if values["stickiness.type"] == "app_cookie" else "lb_cookie"
        return {
            **{prop: _typed(values[key]) for key, prop in GROUP.items()},
            "loadBalancingCrossZoneEnabled": values["load_balancing.cross_zone.enabled"],
            **{prop: found.get(api) for api, prop in self.NAMES.items() if api != "Name"},
            "arn": rid,
            "arnSuffix": rid.rpartition(":")[2],
            "name": found["TargetGroupName"],
            "loadBalancerArns": found.get("LoadBalancerArns") or [],
            "healthCheck": {
                **{prop: found.get(api) for api, prop in CHECK.items()},
                "matcher": (found.get("Matcher") or {}).get("HttpCode") or "",
            },
            "stickiness": {
                "enabled": truth(values["stickiness.enabled"]),
                "type": values["stickiness.type"],
                "cookieDuration": _typed(values.get(f"stickiness.{cookie}.duration_seconds") or "86400"),
                "cookieName": values.get("stickiness.app_cookie.cookie_name") or "",
            },
            "tagsAll": elb_tags(elb, rid),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        elb = call.client("elbv2")
        if "healthCheck" in new and changed(old, new, "healthCheck"):
            elb.modify_target_group(TargetGroupArn=rid, **_check(new))
        self._set(elb, rid, old, new)
        retag_elb(elb, rid, old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("elbv2").delete_target_group(TargetGroupArn=rid)


def _check(args: Props) -> Props:
    block = args.get("healthCheck") or {}
    options = request(block, CHECK)
    return {**options, "Matcher": {"HttpCode": block["matcher"]}} if block.get("matcher") else options


@resource("aws:lb/targetGroupAttachment:TargetGroupAttachment")
class TargetGroupAttachment(Resource):
    NAMES: ClassVar[dict[str, str]] = {"Id": "targetId", "Port": "port", "AvailabilityZone": "availabilityZone"}

    def create(self, call: Call, args: Props) -> str:
        group = str(args["targetGroupArn"])
        call.client("elbv2").register_targets(TargetGroupArn=group, Targets=[request(args, self.NAMES)])
        return f"{group}-{args['targetId']}"

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        answer = call.client("elbv2").describe_target_health(
            TargetGroupArn=state["targetGroupArn"], Targets=[request(state, self.NAMES)]
        )
        for each in answer["TargetHealthDescriptions"]:
            if (
                each["Target"]["Id"] == state["targetId"]
                and each["TargetHealth"].get("Reason") != "Target.NotRegistered"
            ):
                return {"targetGroupArn": state["targetGroupArn"], "targetId": state["targetId"]}
        return None

    def delete(self, call: Call, rid: str, state: Props) -> None:
        targets = [request(state, self.NAMES)]
        call.client("elbv2").deregister_targets(TargetGroupArn=state["targetGroupArn"], Targets=targets)

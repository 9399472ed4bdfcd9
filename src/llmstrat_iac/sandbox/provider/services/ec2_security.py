"""Security groups, with rules of their own or as resources beside them."""

from __future__ import annotations

from typing import Any

from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.ec2_tagging import arn_of, retag, specifications
from llmstrat_iac.sandbox.provider.services.shapes import changed, request, tag_map
from llmstrat_iac.sandbox.provider.values import Props

ANYWHERE = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
DIRECTIONS = {"ingress": "IpPermissions", "egress": "IpPermissionsEgress"}
SOURCES = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")


@resource("aws:ec2/securityGroup:SecurityGroup")
class SecurityGroup(Resource):
    def create(self, call: Call, args: Props) -> str:
        ec2 = call.client("ec2")
        made = ec2.create_security_group(
            GroupName=args["name"], Description=args["description"], **request(args, {"VpcId": "vpcId"}),
            TagSpecifications=specifications(args, "security-group"),
        )  # fmt: skip
        rid = str(made["GroupId"])
        call.created_id = rid
        # AWS lets everything out unless told otherwise; the provider takes that back.
        ec2.revoke_security_group_egress(GroupId=rid, IpPermissions=[ANYWHERE])
        self._sync(ec2, rid, {}, args)
        return rid

    def _sync(self, ec2: Any, rid: str, old: Props, new: Props) -> None:
        for name in DIRECTIONS:
            if name not in new:
                continue
            before, after = old.get(name) or [], new[name] or []
            gone = [_permission(each, rid) for each in before if each not in after]
            fresh = [_permission(each, rid) for each in after if each not in before]
            if gone:
                getattr(ec2, f"revoke_security_group_{name}")(GroupId=rid, IpPermissions=gone)
            if fresh:
                getattr(ec2, f"authorize_security_group_{name}")(GroupId=rid, IpPermissions=fresh)

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        group = call.client("ec2").describe_security_groups(GroupIds=[rid])["SecurityGroups"][0]
        return {
            "arn": arn_of(call, "security-group", rid),
            "name": group["GroupName"],
            "description": group["Description"],
            "vpcId": group["VpcId"],
            "ownerId": group["OwnerId"],
            **{name: [_rule(each, rid) for each in group[api]] for name, api in DIRECTIONS.items()},
            "tagsAll": tag_map(group.get("Tags")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        self._sync(call.client("ec2"), rid, old, new)
        retag(call, rid, old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        ec2 = call.client("ec2")
        if state.get("revokeRulesOnDelete"):
            for group in ec2.describe_security_groups(GroupIds=[rid])["SecurityGroups"]:
                for name, api in DIRECTIONS.items():
                    if group[api]:
                        getattr(ec2, f"revoke_security_group_{name}")(GroupId=rid, IpPermissions=group[api])
        ec2.delete_security_group(GroupId=rid)


def _permission(rule: Props, own: str) -> Props:
    about = {"Description": rule["description"]} if rule.get("description") else {}
    groups = [*(rule.get("securityGroups") or ()), *([own] if rule.get("self") else ())]
    permission: Props = {
        "IpProtocol": rule["protocol"],
        "IpRanges": [{"CidrIp": each, **about} for each in rule.get("cidrBlocks") or ()],
        "Ipv6Ranges": [{"CidrIpv6": each, **about} for each in rule.get("ipv6CidrBlocks") or ()],
        "PrefixListIds": [{"PrefixListId": each, **about} for each in rule.get("prefixListIds") or ()],
        "UserIdGroupPairs": [{"GroupId": each, **about} for each in groups],
    }
    if rule["protocol"] != "-1":
        permission |= {"FromPort": rule["fromPort"], "ToPort": rule["toPort"]}
    return permission


def _rule(permission: Props, own: str) -> Props:
    members = (*permission["IpRanges"], *permission["Ipv6Ranges"], *permission["PrefixListIds"])
    pairs = permission["UserIdGroupPairs"]
    told = [each["Description"] for each in (*members, *pairs) if each.get("Description")]
    return {
        "protocol": permission["IpProtocol"],
        "fromPort": permission.get("FromPort", 0),
        "toPort": permission.get("ToPort", 0),
        "cidrBlocks": [each["CidrIp"] for each in permission["IpRanges"]],
        "ipv6CidrBlocks": [each["CidrIpv6"] for each in permission["Ipv6Ranges"]],
        "prefixListIds": [each["PrefixListId"] for each in permission["PrefixListIds"]],
        "securityGroups": [each["GroupId"] for each in pairs if each["GroupId"] != own],
        "self": any(each["GroupId"] == own for each in pairs),
        "description": told[0] if told else "",
    }


class _GroupRule(Resource):
    """One rule with an id of its own; its direction is the subclass's."""

    direction = ""

    def create(self, call: Call, args: Props) -> str:
        authorize = getattr(call.client("ec2"), f"authorize_security_group_{self.direction}")
        made = authorize(
            GroupId=args["securityGroupId"], IpPermissions=[_single(args)],
            TagSpecifications=specifications(args, "security-group-rule"),
        )  # fmt: skip
        return str(made["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def replaced_by(self, state: Props, news: Props) -> frozenset[str]:
        """A change from one kind of source to another."""
        before, after = ({name for name in SOURCES if props.get(name)} for props in (state, news))
        return frozenset(before ^ after) if before else frozenset()

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = call.client("ec2").describe_security_group_rules(SecurityGroupRuleIds=[rid])["SecurityGroupRules"]
        if not found:
            return None
        rule = found[0]
        anything = rule["IpProtocol"] == "-1"
        return {
            "arn": arn_of(call, "security-group-rule", rid),
            "securityGroupRuleId": rid,
            "securityGroupId": rule["GroupId"],
            "ipProtocol": rule["IpProtocol"],
            "fromPort": None if anything else rule.get("FromPort"),
            "toPort": None if anything else rule.get("ToPort"),
            "cidrIpv4": rule.get("CidrIpv4"),
            "cidrIpv6": rule.get("CidrIpv6"),
            "prefixListId": rule.get("PrefixListId"),
            "referencedSecurityGroupId": (rule.get("ReferencedGroupInfo") or {}).get("GroupId"),
            "description": rule.get("Description"),
            "tagsAll": tag_map(rule.get("Tags")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        if changed(old, new, "ipProtocol", "fromPort", "toPort", "description", *SOURCES):
            names = {
                "IpProtocol": "ipProtocol", "FromPort": "fromPort", "ToPort": "toPort", "CidrIpv4": "cidrIpv4",
                "CidrIpv6": "cidrIpv6", "PrefixListId": "prefixListId",
                "ReferencedGroupId": "referencedSecurityGroupId",
            }  # fmt: skip
            rule = {**request(new, names), "Description": new.get("description") or ""}
            call.client("ec2").modify_security_group_rules(
                GroupId=new["securityGroupId"],
                SecurityGroupRules=[{"SecurityGroupRuleId": rid, "SecurityGroupRule": rule}],
            )
        retag(call, rid, old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        revoke = getattr(call.client("ec2"), f"revoke_security_group_{self.direction}")
        revoke(GroupId=state["securityGroupId"], SecurityGroupRuleIds=[rid])


def _single(args: Props) -> Props:
    about = {"Description": args["description"]} if args.get("description") else {}
    permission: Props = {"IpProtocol": args["ipProtocol"]}
    permission |= request(args, {"FromPort": "fromPort", "ToPort": "toPort"})
    for prop, (member, key) in {
        "cidrIpv4": ("IpRanges", "CidrIp"), "cidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
        "prefixListId": ("PrefixListIds", "PrefixListId"),
        "referencedSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    }.items():  # fmt: skip
        if args.get(prop):
            permission[member] = [{key: args[prop], **about}]
    return permission


@resource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
class SecurityGroupIngressRule(_GroupRule):
    direction = "ingress"


@resource("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
class SecurityGroupEgressRule(_GroupRule):
    direction = "egress"

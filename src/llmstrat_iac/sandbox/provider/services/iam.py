"""IAM: roles, their inline and attached policies, and managed policies."""

from __future__ import annotations

from typing import Any

from llmstrat_iac.sandbox.provider.faults import is_not_found
from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.shapes import (
    answer,
    changed,
    document,
    request,
    tag_delta,
    tag_list,
    tag_map,
    timestamp,
)
from llmstrat_iac.sandbox.provider.values import Props

MAX_POLICY_VERSIONS = 5


@resource("aws:iam/role:Role")
class Role(Resource):
    def create(self, call: Call, args: Props) -> str:
        iam = call.client("iam")
        name: str = args["name"]
        iam.create_role(
            Tags=tag_list(args.get("tagsAll")),
            **request(
                args,
                {
                    "RoleName": "name",
                    "AssumeRolePolicyDocument": "assumeRolePolicy",
                    "Description": "description",
                    "MaxSessionDuration": "maxSessionDuration",
                    "Path": "path",
                    "PermissionsBoundary": "permissionsBoundary",
                },
            ),
        )
        call.created_id = name
        _sync_inline(iam, name, {}, args)
        _sync_attached(iam, name, {}, args)
        return name

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        iam = call.client("iam")
        role = iam.get_role(RoleName=rid)["Role"]
        found = answer(role, {"Arn": "arn", "RoleName": "name", "Path": "path", "RoleId": "uniqueId"})
        found |= {
            "assumeRolePolicy": document(role.get("AssumeRolePolicyDocument")),
            "createDate": timestamp(role.get("CreateDate")),
            "description": role.get("Description"),
            "maxSessionDuration": role.get("MaxSessionDuration", 3600),
            "permissionsBoundary": (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
            "managedPolicyArns": sorted(_attached(iam, rid)),
            "tagsAll": tag_map(role.get("Tags")),
        }
        found["inlinePolicies"] = [
            {"name": name, "policy": _inline(iam, rid, name)}
            for name in iam.list_role_policies(RoleName=rid)["PolicyNames"]
        ]
        return found

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        iam = call.client("iam")
        if changed(old, new, "assumeRolePolicy"):
            iam.update_assume_role_policy(RoleName=rid, PolicyDocument=new["assumeRolePolicy"])
        if changed(old, new, "description", "maxSessionDuration"):
            iam.update_role(
                RoleName=rid,
                Description=new.get("description") or "",
                MaxSessionDuration=new.get("maxSessionDuration", 3600),
            )
        if changed(old, new, "permissionsBoundary"):
            boundary = new.get("permissionsBoundary")
            if boundary:
                iam.put_role_permissions_boundary(RoleName=rid, PermissionsBoundary=boundary)
            else:
                iam.delete_role_permissions_boundary(RoleName=rid)
        if "inlinePolicies" in new:
            _sync_inline(iam, rid, old, new)
        if "managedPolicyArns" in new:
            _sync_attached(iam, rid, old, new)
        added, removed = tag_delta(old, new)
        if added:
            iam.tag_role(RoleName=rid, Tags=tag_list(added))
        if removed:
            iam.untag_role(RoleName=rid, TagKeys=removed)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        iam = call.client("iam")
        for profile in iam.list_instance_profiles_for_role(RoleName=rid)["InstanceProfiles"]:
            iam.remove_role_from_instance_profile(InstanceProfileName=profile["InstanceProfileName"], RoleName=rid)
        if state.get("forceDetachPolicies") or state.get("managedPolicyArns"):
            for arn in _attached(iam, rid):
                iam.detach_role_policy(RoleName=rid, PolicyArn=arn)
        if state.get("forceDetachPolicies") or state.get("inlinePolicies"):
            for name in iam.list_role_policies(RoleName=rid)["PolicyNames"]:
                iam.delete_role_policy(RoleName=rid, PolicyName=name)
        iam.delete_role(RoleName=rid)


def _attached(iam: Any, role: str) -> set[str]:
    pages = iam.get_paginator("list_attached_role_policies").paginate(RoleName=role)
    return {policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"]}


def _inline(iam: Any, role: str, name: str) -> str | None:
    return document(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])


def _sync_inline(iam: Any, role: str, old: Props, new: Props) -> None:
    wanted = {item["name"]: item["policy"] for item in new.get("inlinePolicies") or [] if item.get("name")}
    for item in old.get("inlinePolicies") or []:
        if item.get("name") and item["name"] not in wanted:
            iam.delete_role_policy(RoleName=role, PolicyName=item["name"])
    for name, policy in wanted.items():
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=policy)


def _sync_attached(iam: Any, role: str, old: Props, new: Props) -> None:
    before, after = set(old.get("managedPolicyArns") or ()), set(new.get("managedPolicyArns") or ())
    for arn in before - after:
        iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    for arn in after - before:
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)


@resource("aws:iam/rolePolicy:RolePolicy")
class RolePolicy(Resource):
    def create(self, call: Call, args: Props) -> str:
        call.client("iam").put_role_policy(
            RoleName=args["role"], PolicyName=args["name"], PolicyDocument=args["policy"]
        )
        return self.identify(args, "")

    def identify(self, state: Props, rid: str) -> str:
        return f"{state['role']}:{state['name']}"

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        role, name = rid.split(":", 1)
        return {"role": role, "name": name, "policy": _inline(call.client("iam"), role, name)}

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        self.create(call, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        role, name = rid.split(":", 1)
        call.client("iam").delete_role_policy(RoleName=role, PolicyName=name)


@resource("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
class RolePolicyAttachment(Resource):
    def create(self, call: Call, args: Props) -> str:
        call.client("iam").attach_role_policy(RoleName=args["role"], PolicyArn=args["policyArn"])
        return self.identify(args, "")

    def identify(self, state: Props, rid: str) -> str:
        return f"{state['role']}/{state['policyArn']}"

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = state["policyArn"] in _attached(call.client("iam"), state["role"])
        return {"role": state["role"], "policyArn": state["policyArn"]} if found else None

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("iam").detach_role_policy(RoleName=state["role"], PolicyArn=state["policyArn"])


@resource("aws:iam/policy:Policy")
class Policy(Resource):
    def create(self, call: Call, args: Props) -> str:
        names = {"PolicyName": "name", "PolicyDocument": "policy", "Description": "description", "Path": "path"}
        tags = tag_list(args.get("tagsAll"))
        return str(call.client("iam").create_policy(Tags=tags, **request(args, names))["Policy"]["Arn"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        iam = call.client("iam")
        policy = iam.get_policy(PolicyArn=rid)["Policy"]
        version = iam.get_policy_version(PolicyArn=rid, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
        found = answer(
            policy,
            {
                "Arn": "arn",
                "PolicyName": "name",
                "Path": "path",
                "PolicyId": "policyId",
                "AttachmentCount": "attachmentCount",
                "Description": "description",
            },
        )
        return {**found, "policy": document(version["Document"]), "tagsAll": tag_map(policy.get("Tags"))}

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        iam = call.client("iam")
        if changed(old, new, "policy"):
            versions = iam.list_policy_versions(PolicyArn=rid)["Versions"]
            if len(versions) >= MAX_POLICY_VERSIONS:
                oldest = min(_spare(versions), key=lambda version: version["CreateDate"])
                iam.delete_policy_version(PolicyArn=rid, VersionId=oldest["VersionId"])
            iam.create_policy_version(PolicyArn=rid, PolicyDocument=new["policy"], SetAsDefault=True)
        added, removed = tag_delta(old, new)
        if added:
            iam.tag_policy(PolicyArn=rid, Tags=tag_list(added))
        if removed:
            iam.untag_policy(PolicyArn=rid, TagKeys=removed)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        iam = call.client("iam")
        try:
            versions = iam.list_policy_versions(PolicyArn=rid)["Versions"]
        except Exception as error:
            if is_not_found(error):
                return
            raise
        for version in _spare(versions):
            iam.delete_policy_version(PolicyArn=rid, VersionId=version["VersionId"])
        iam.delete_policy(PolicyArn=rid)


def _spare(versions: list[Any]) -> list[Any]:
    return [version for version in versions if not version["IsDefaultVersion"]]

"""Instance profiles: what hands a role to instances."""

from __future__ import annotations

from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.shapes import changed, request, tag_delta, tag_list, tag_map, timestamp
from llmstrat_iac.sandbox.provider.values import Props


@resource("aws:iam/instanceProfile:InstanceProfile")
class InstanceProfile(Resource):
    def create(self, call: Call, args: Props) -> str:
        iam, name = call.client("iam"), str(args["name"])
        options = request(args, {"InstanceProfileName": "name", "Path": "path"})
        iam.create_instance_profile(**options, Tags=tag_list(args.get("tagsAll")))
        call.created_id = name
        if args.get("role"):
            iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=args["role"])
        return name

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = call.client("iam").get_instance_profile(InstanceProfileName=rid)["InstanceProfile"]
        roles = [each["RoleName"] for each in found["Roles"]]
        return {
            "arn": found["Arn"],
            "name": rid,
            "path": found["Path"],
            "role": roles[0] if roles else None,
            "createDate": timestamp(found["CreateDate"]),
            "uniqueId": found["InstanceProfileId"],
            "tagsAll": tag_map(found.get("Tags")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        iam = call.client("iam")
        if changed(old, new, "role"):
            if old.get("role"):
                iam.remove_role_from_instance_profile(InstanceProfileName=rid, RoleName=old["role"])
            if new.get("role"):
                iam.add_role_to_instance_profile(InstanceProfileName=rid, RoleName=new["role"])
        added, removed = tag_delta(old, new)
        if added:
            iam.tag_instance_profile(InstanceProfileName=rid, Tags=tag_list(added))
        if removed:
            iam.untag_instance_profile(InstanceProfileName=rid, TagKeys=removed)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        iam = call.client("iam")
        for role in iam.get_instance_profile(InstanceProfileName=rid)["InstanceProfile"]["Roles"]:
            iam.remove_role_from_instance_profile(InstanceProfileName=rid, RoleName=role["RoleName"])
        iam.delete_instance_profile(InstanceProfileName=rid)

"""KMS: keys and aliases."""

from __future__ import annotations

from typing import Any

from llmstrat_iac.sandbox.provider.faults import is_not_found
from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.shapes import changed, document, request, tag_delta, tag_list, tag_map
from llmstrat_iac.sandbox.provider.values import Props

TAG_NAMES = ("TagKey", "TagValue")


@resource("aws:kms/key:Key")
class Key(Resource):
    def create(self, call: Call, args: Props) -> str:
        kms = call.client("kms")
        names = {
            "Description": "description", "KeySpec": "customerMasterKeySpec", "KeyUsage": "keyUsage",
            "Policy": "policy", "MultiRegion": "multiRegion", "CustomKeyStoreId": "customKeyStoreId",
            "XksKeyId": "xksKeyId", "BypassPolicyLockoutSafetyCheck": "bypassPolicyLockoutSafetyCheck",
        }  # fmt: skip
        options = request(args, names)
        if args.get("customKeyStoreId"):
            options["Origin"] = "EXTERNAL_KEY_STORE" if args.get("xksKeyId") else "AWS_CLOUDHSM"
        made = kms.create_key(Tags=tag_list(args.get("tagsAll"), *TAG_NAMES), **options)
        rid = str(made["KeyMetadata"]["KeyId"])
        call.created_id = rid
        if args.get("enableKeyRotation"):
            _rotate(kms, rid, args)
        if args.get("isEnabled") is False:
            kms.disable_key(KeyId=rid)
        return rid

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        kms = call.client("kms")
        found = kms.describe_key(KeyId=rid)["KeyMetadata"]
        if found["KeyState"] in ("PendingDeletion", "PendingReplicaDeletion"):
            return None
        rotation = _rotation(kms, rid)
        return {
            "keyId": found["KeyId"],
            "arn": found["Arn"],
            "description": found.get("Description"),
            "customerMasterKeySpec": found.get("KeySpec") or found.get("CustomerMasterKeySpec"),
            "keyUsage": found.get("KeyUsage"),
            "multiRegion": bool(found.get("MultiRegion")),
            "isEnabled": bool(found.get("Enabled")),
            "enableKeyRotation": bool(rotation.get("KeyRotationEnabled")),
            "rotationPeriodInDays": rotation.get("RotationPeriodInDays")
            if rotation.get("KeyRotationEnabled")
            else None,
            "policy": document(kms.get_key_policy(KeyId=rid, PolicyName="default")["Policy"]),
            "tagsAll": tag_map(kms.list_resource_tags(KeyId=rid).get("Tags"), *TAG_NAMES),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        kms = call.client("kms")
        if changed(old, new, "isEnabled") and new.get("isEnabled"):
            kms.enable_key(KeyId=rid)
        if changed(old, {"rotationPeriodInDays": old.get("rotationPeriodInDays"), **new}, *ROTATION):
            if new.get("enableKeyRotation"):
                _rotate(kms, rid, new)
            else:
                kms.disable_key_rotation(KeyId=rid)
        if "description" in new and changed(old, new, "description"):
            kms.update_key_description(KeyId=rid, Description=new["description"])
        if "policy" in new and changed(old, new, "policy"):
            bypass = bool(new.get("bypassPolicyLockoutSafetyCheck"))
            kms.put_key_policy(
                KeyId=rid, PolicyName="default", Policy=new["policy"], BypassPolicyLockoutSafetyCheck=bypass
            )
        if changed(old, new, "isEnabled") and not new.get("isEnabled"):
            kms.disable_key(KeyId=rid)
        added, removed = tag_delta(old, new)
        if added:
            kms.tag_resource(KeyId=rid, Tags=tag_list(added, *TAG_NAMES))
        if removed:
            kms.untag_resource(KeyId=rid, TagKeys=removed)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        options = request(state, {"PendingWindowInDays": "deletionWindowInDays"})
        call.client("kms").schedule_key_deletion(KeyId=rid, **options)


ROTATION = ("enableKeyRotation", "rotationPeriodInDays")


def _rotate(kms: Any, rid: str, args: Props) -> None:
    kms.enable_key_rotation(KeyId=rid, **request(args, {"RotationPeriodInDays": "rotationPeriodInDays"}))


def _rotation(kms: Any, rid: str) -> Props:
    """Asymmetric and HMAC keys have no rotation."""
    try:
        return dict(kms.get_key_rotation_status(KeyId=rid))
    except Exception as error:
        if is_not_found(error, "UnsupportedOperationException"):
            return {}
        raise


@resource("aws:kms/alias:Alias")
class Alias(Resource):
    def create(self, call: Call, args: Props) -> str:
        call.client("kms").create_alias(AliasName=args["name"], TargetKeyId=args["targetKeyId"])
        return str(args["name"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        pages = call.client("kms").get_paginator("list_aliases").paginate()
        found = next((item for page in pages for item in page["Aliases"] if item["AliasName"] == rid), None)
        if found is None:
            return None
        arn = str(found["AliasArn"])
        key = str(found["TargetKeyId"])
        return {
            "name": rid,
            "arn": arn,
            "targetKeyId": key,
            "targetKeyArn": f"{arn.partition(':alias/')[0]}:key/{key.rpartition('/')[2]}",
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        if changed(old, new, "targetKeyId"):
            call.client("kms").update_alias(AliasName=rid, TargetKeyId=new["targetKeyId"])

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("kms").delete_alias(AliasName=rid)

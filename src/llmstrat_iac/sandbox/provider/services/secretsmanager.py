"""Secrets Manager: secrets and their versions."""

from __future__ import annotations

import base64
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
)
from llmstrat_iac.sandbox.provider.values import Props

CURRENT = "AWSCURRENT"


@resource("aws:secretsmanager/secret:Secret")
class Secret(Resource):
    def create(self, call: Call, args: Props) -> str:
        client = call.client("secretsmanager")
        names = {"Name": "name", "Description": "description", "KmsKeyId": "kmsKeyId", "Type": "type"}
        options = request(args, names)
        if args.get("replicas"):
            replica_names = {"Region": "region", "KmsKeyId": "kmsKeyId"}
            options["AddReplicaRegions"] = [request(item, replica_names) for item in args["replicas"]]
        rid = str(client.create_secret(Tags=tag_list(args.get("tagsAll")), **options)["ARN"])
        call.created_id = rid
        if args.get("policy"):
            client.put_resource_policy(SecretId=rid, ResourcePolicy=args["policy"])
        return rid

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        client = call.client("secretsmanager")
        found = client.describe_secret(SecretId=rid)
        if found.get("DeletedDate"):
            return None
        policy = client.get_resource_policy(SecretId=rid).get("ResourcePolicy")
        names = {"Name": "name", "ARN": "arn", "Description": "description", "KmsKeyId": "kmsKeyId"}
        return {**answer(found, names), "policy": document(policy), "tagsAll": tag_map(found.get("Tags"))}

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        client = call.client("secretsmanager")
        if changed(old, new, "description", "kmsKeyId"):
            options = request(new, {"KmsKeyId": "kmsKeyId"})
            client.update_secret(SecretId=rid, Description=new.get("description") or "", **options)
        if "policy" in new and changed(old, new, "policy"):
            if new["policy"]:
                client.put_resource_policy(SecretId=rid, ResourcePolicy=new["policy"])
            else:
                client.delete_resource_policy(SecretId=rid)
        added, removed = tag_delta(old, new)
        if added:
            client.tag_resource(SecretId=rid, Tags=tag_list(added))
        if removed:
            client.untag_resource(SecretId=rid, TagKeys=removed)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        window = state.get("recoveryWindowInDays", 30)
        options: Props = {"RecoveryWindowInDays": window} if window else {"ForceDeleteWithoutRecovery": True}
        call.client("secretsmanager").delete_secret(SecretId=rid, **options)


@resource("aws:secretsmanager/secretVersion:SecretVersion")
class SecretVersion(Resource):
    def create(self, call: Call, args: Props) -> str:
        names = {"SecretId": "secretId", "VersionStages": "versionStages"}
        options = request(args, names)
        if args.get("secretBinary"):
            options["SecretBinary"] = base64.b64decode(args["secretBinary"])
        else:
            options["SecretString"] = args.get("secretString", args.get("secretStringWo", ""))
        client = call.client("secretsmanager")
        made = client.put_secret_value(**options)
        call.created_id = f"{args['secretId']}|{made['VersionId']}"
        # ministack 1.5.33 ignores VersionStages; AWS has set them all already.
        for stage in set(args.get("versionStages") or ()) - set(made["VersionStages"]):
            _move_stage(client, args["secretId"], stage, made["VersionId"])
        return call.created_id

    def identify(self, state: Props, rid: str) -> str:
        return f"{state['secretId']}|{state['versionId']}"

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        client = call.client("secretsmanager")
        secret, version = rid.rsplit("|", 1)
        try:
            found = client.get_secret_value(SecretId=secret, VersionId=version)
        except Exception as error:
            # InvalidRequestException: the secret is scheduled for deletion.
            if is_not_found(error, "InvalidRequestException"):
                return None
            raise
        binary = found.get("SecretBinary")
        written = "secretStringWo" in state
        return {
            "secretId": secret,
            "secretString": None if written else found.get("SecretString"),
            "secretBinary": base64.b64encode(binary).decode() if binary else None,
            "versionId": version,
            "versionStages": found.get("VersionStages") or [],
            "arn": found["ARN"],
            "secretArn": found["ARN"],
            "hasSecretStringWo": written,
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        client = call.client("secretsmanager")
        version = rid.rsplit("|", 1)[1]
        before, after = set(old.get("versionStages") or ()), set(new.get("versionStages") or old["versionStages"])
        for stage in after - before:
            _move_stage(client, new["secretId"], stage, version)
        for stage in before - after - {CURRENT}:
            _drop_stage(client, new["secretId"], stage, version)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        client = call.client("secretsmanager")
        secret, version = rid.rsplit("|", 1)
        stages = client.list_secret_version_ids(SecretId=secret, IncludeDeprecated=True)["Versions"]
        mine = next((item.get("VersionStages") or [] for item in stages if item["VersionId"] == version), [])
        # The current value can't be removed; it stays until the secret goes, as on AWS.
        for stage in set(mine) - {CURRENT, "AWSPREVIOUS"}:
            _drop_stage(client, secret, stage, version)


def _move_stage(client: Any, secret: str, stage: str, version: str) -> None:
    """Give a version a label; the one that has it must be named as its present holder."""
    holders = client.list_secret_version_ids(SecretId=secret, IncludeDeprecated=True)["Versions"]
    holder = next((item["VersionId"] for item in holders if stage in item.get("VersionStages", ())), None)
    if holder != version:
        source = {"RemoveFromVersionId": holder} if holder else {}
        client.update_secret_version_stage(SecretId=secret, VersionStage=stage, MoveToVersionId=version, **source)


def _drop_stage(client: Any, secret: str, stage: str, version: str) -> None:
    client.update_secret_version_stage(SecretId=secret, VersionStage=stage, RemoveFromVersionId=version)

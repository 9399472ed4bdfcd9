"""DynamoDB tables."""

from __future__ import annotations

import time
from typing import Any

from llmstrat_iac.errors import SandboxError
from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.shapes import changed, number, request, tag_delta, tag_list, tag_map
from llmstrat_iac.sandbox.provider.services.waiting import wait_until_gone
from llmstrat_iac.sandbox.provider.values import Props

WAIT_SECONDS = 60.0


@resource("aws:dynamodb/table:Table")
class Table(Resource):
    def create(self, call: Call, args: Props) -> str:
        client, name = call.client("dynamodb"), str(args["name"])
        provisioned = args.get("billingMode", "PROVISIONED") == "PROVISIONED"
        options: Props = {
            "TableName": name,
            "AttributeDefinitions": _attributes(args),
            "KeySchema": _keys(args),
            "BillingMode": args.get("billingMode", "PROVISIONED"),
            "Tags": tag_list(args.get("tagsAll")),
            **request(args, {"TableClass": "tableClass", "DeletionProtectionEnabled": "deletionProtectionEnabled"}),
        }
        if provisioned:
            options["ProvisionedThroughput"] = _capacity(args)
        for prop, api in {
            "globalSecondaryIndexes": "GlobalSecondaryIndexes",
            "localSecondaryIndexes": "LocalSecondaryIndexes",
        }.items():
            if args.get(prop):
                with_capacity = provisioned and prop.startswith("global")
                options[api] = [_index(item, args, with_capacity=with_capacity) for item in args[prop]]
        if args.get("streamEnabled"):
            options["StreamSpecification"] = _stream(args)
        if args.get("serverSideEncryption"):
            options["SSESpecification"] = _encryption(args)
        client.create_table(**options)
        call.created_id = name
        _wait(client, name)
        self._settle(client, name, {}, args)
        return name

    def _settle(self, client: Any, name: str, old: Props, new: Props) -> None:
        """What isn't part of CreateTable and UpdateTable."""
        if changed(old, new, "ttl") and (old.get("ttl") or new.get("ttl")):
            block = new.get("ttl") or {"enabled": False, "attributeName": old["ttl"].get("attributeName")}
            enabled = bool(block.get("enabled"))
            if enabled or (old.get("ttl") or {}).get("enabled"):
                client.update_time_to_live(
                    TableName=name,
                    TimeToLiveSpecification={"Enabled": enabled, "AttributeName": block.get("attributeName") or "ttl"},
                )
        if "pointInTimeRecovery" in new and changed(old, new, "pointInTimeRecovery"):
            recovery = {"PointInTimeRecoveryEnabled": bool(new["pointInTimeRecovery"].get("enabled"))}
            client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        client = call.client("dynamodb")
        table = client.describe_table(TableName=rid)["Table"]
        keys = {item["KeyType"]: item["AttributeName"] for item in table["KeySchema"]}
        billing = table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
        throughput = table.get("ProvisionedThroughput") or {}
        stream = table.get("StreamSpecification") or {}
        return {
            "name": rid,
            "arn": table["TableArn"],
            "attributes": [
                {"name": item["AttributeName"], "type": item["AttributeType"]} for item in table["AttributeDefinitions"]
            ],
            "hashKey": keys["HASH"],
            "rangeKey": keys.get("RANGE"),
            "billingMode": billing,
            "readCapacity": number(throughput.get("ReadCapacityUnits")) if billing == "PROVISIONED" else 0,
            "writeCapacity": number(throughput.get("WriteCapacityUnits")) if billing == "PROVISIONED" else 0,
            "deletionProtectionEnabled": table.get("DeletionProtectionEnabled", False),
            "globalSecondaryIndexes": [_index_block(item) for item in table.get("GlobalSecondaryIndexes") or []],
            "localSecondaryIndexes": [_index_block(item) for item in table.get("LocalSecondaryIndexes") or []],
            "streamEnabled": bool(stream.get("StreamEnabled")),
            "streamViewType": stream.get("StreamViewType") or "",
            "streamArn": table.get("LatestStreamArn") or "",
            "streamLabel": table.get("LatestStreamLabel") or "",
            "ttl": _ttl(client, rid),
            "pointInTimeRecovery": _recovery(client, rid),
            "tagsAll": tag_map(client.list_tags_of_resource(ResourceArn=table["TableArn"]).get("Tags")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        client = call.client("dynamodb")
        options: Props = {}
        provisioned = new.get("billingMode", "PROVISIONED") == "PROVISIONED"
        if changed(old, new, "billingMode"):
            options["BillingMode"] = new["billingMode"]
        capacity = {key: new.get(key, old.get(key)) for key in ("readCapacity", "writeCapacity")}
        if provisioned and (options or changed(old, capacity, *capacity)):
            options["ProvisionedThroughput"] = _capacity(new)
        if changed(old, new, "deletionProtectionEnabled"):
            options["DeletionProtectionEnabled"] = bool(new.get("deletionProtectionEnabled"))
        if changed(old, new, "tableClass"):
            options["TableClass"] = new.get("tableClass", "STANDARD")
        if changed(old, new, "streamEnabled"):
            options["StreamSpecification"] = _stream(new)
        if options:
            client.update_table(TableName=rid, **options)
            _wait(client, rid)
        _sync_indexes(client, rid, old, new)
        self._settle(client, rid, old, new)
        added, removed = tag_delta(old, new)
        if added:
            client.tag_resource(ResourceArn=old["arn"], Tags=tag_list(added))
        if removed:
            client.untag_resource(ResourceArn=old["arn"], TagKeys=removed)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        client = call.client("dynamodb")
        client.delete_table(TableName=rid)
        wait_until_gone(lambda: client.describe_table(TableName=rid))


def _attributes(args: Props) -> list[Props]:
    return [{"AttributeName": item["name"], "AttributeType": item["type"]} for item in args.get("attributes") or []]


def _keys(block: Props) -> list[Props]:
    keys = [{"AttributeName": block["hashKey"], "KeyType": "HASH"}]
    if block.get("rangeKey"):
        keys.append({"AttributeName": block["rangeKey"], "KeyType": "RANGE"})
    return keys


def _capacity(block: Props) -> Props:
    return {"ReadCapacityUnits": block.get("readCapacity") or 1, "WriteCapacityUnits": block.get("writeCapacity") or 1}


def _stream(args: Props) -> Props:
    if not args.get("streamEnabled"):
        return {"StreamEnabled": False}
    return {"StreamEnabled": True, "StreamViewType": args.get("streamViewType")}


def _encryption(args: Props) -> Props:
    block = args["serverSideEncryption"]
    options: Props = {"Enabled": block["enabled"]}
    if block.get("kmsKeyArn"):
        options |= {"SSEType": "KMS", "KMSMasterKeyId": block["kmsKeyArn"]}
    return options


def _index(index: Props, table: Props, *, with_capacity: bool) -> Props:
    projection: Props = {"ProjectionType": index["projectionType"]}
    if index.get("nonKeyAttributes"):
        projection["NonKeyAttributes"] = index["nonKeyAttributes"]
    keys = _keys({"hashKey": table["hashKey"], **index})
    made: Props = {"IndexName": index["name"], "KeySchema": keys, "Projection": projection}
    if with_capacity:
        made["ProvisionedThroughput"] = _capacity(index)
    return made


def _index_block(index: Props) -> Props:
    keys = {item["KeyType"]: item["AttributeName"] for item in index["KeySchema"]}
    block = {
        "name": index["IndexName"],
        "hashKey": keys.get("HASH"),
        "rangeKey": keys.get("RANGE"),
        "projectionType": index["Projection"]["ProjectionType"],
        "nonKeyAttributes": index["Projection"].get("NonKeyAttributes"),
    }
    return {key: value for key, value in block.items() if value}


def _sync_indexes(client: Any, table: str, old: Props, new: Props) -> None:
    """One index operation a call; AWS allows no more."""
    before = {item["name"]: item for item in old.get("globalSecondaryIndexes") or []}
    after = {item["name"]: item for item in new.get("globalSecondaryIndexes") or []}
    provisioned = new.get("billingMode", "PROVISIONED") == "PROVISIONED"
    for name in before.keys() - after.keys():
        client.update_table(TableName=table, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": name}}])
        _wait(client, table)
    for name in after.keys() - before.keys():
        create = _index(after[name], new, with_capacity=provisioned)
        client.update_table(
            TableName=table,
            AttributeDefinitions=_attributes(new),
            GlobalSecondaryIndexUpdates=[{"Create": create}],
        )
        _wait(client, table)


def _ttl(client: Any, name: str) -> Props | None:
    found = client.describe_time_to_live(TableName=name).get("TimeToLiveDescription") or {}
    if found.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING"):
        return None
    return {"enabled": True, "attributeName": found.get("AttributeName")}


def _recovery(client: Any, name: str) -> Props:
    found = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    status = found.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
    return {"enabled": status == "ENABLED"}


def _wait(client: Any, name: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while client.describe_table(TableName=name)["Table"]["TableStatus"] != "ACTIVE":
        if time.monotonic() > deadline:
            raise SandboxError(f"the table isn't ACTIVE after {WAIT_SECONDS:.0f} s")
        time.sleep(0.1)

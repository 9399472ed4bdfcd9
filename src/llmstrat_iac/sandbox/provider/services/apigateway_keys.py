"""API Gateway keys and usage plans: who may call how much."""

from __future__ import annotations

from typing import Any, ClassVar

from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.apigateway_api import gateway_arn, sync_tags
from llmstrat_iac.sandbox.provider.services.patching import Operation, add, escape, remove, replace, replacements
from llmstrat_iac.sandbox.provider.services.shapes import answer, changed, number, request, timestamp, truth
from llmstrat_iac.sandbox.provider.values import Props


@resource("aws:apigateway/apiKey:ApiKey")
class ApiKey(Resource):
    NAMES: ClassVar[dict[str, str]] = {
        "name": "name", "description": "description", "enabled": "enabled", "value": "value",
        "customerId": "customerId",
    }  # fmt: skip

    def create(self, call: Call, args: Props) -> str:
        names = {**self.NAMES, "tags": "tagsAll"}
        return str(call.client("apigateway").create_api_key(**request(args, names))["id"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = call.client("apigateway").get_api_key(apiKey=rid, includeValue=True)
        return {
            **answer(found, self.NAMES),
            "enabled": truth(found.get("enabled")),
            "arn": gateway_arn(call, f"apikeys/{rid}"),
            "createdDate": timestamp(found.get("createdDate")),
            "lastUpdatedDate": timestamp(found.get("lastUpdatedDate")),
            "tagsAll": found.get("tags") or {},
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        paths = {"/name": "name", "/description": "description", "/customerId": "customerId"}
        operations = replacements(old, new, paths)
        if changed(old, new, "enabled"):
            operations.append(replace("/enabled", bool(new.get("enabled"))))
        if operations:
            call.client("apigateway").update_api_key(apiKey=rid, patchOperations=operations)
        sync_tags(call, gateway_arn(call, f"apikeys/{rid}"), old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("apigateway").delete_api_key(apiKey=rid)


@resource("aws:apigateway/usagePlan:UsagePlan")
class UsagePlan(Resource):
    def create(self, call: Call, args: Props) -> str:
        gateway = call.client("apigateway")
        names = {
            "name": "name", "description": "description", "quota": "quotaSettings", "throttle": "throttleSettings",
            "tags": "tagsAll",
        }  # fmt: skip
        stages = [_stage_request(stage) for stage in args.get("apiStages") or []]
        rid = str(gateway.create_usage_plan(apiStages=stages, **request(args, names))["id"])
        call.created_id = rid
        if args.get("productCode"):
            gateway.update_usage_plan(usagePlanId=rid, patchOperations=[add("/productCode", args["productCode"])])
        return rid

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = call.client("apigateway").get_usage_plan(usagePlanId=rid)
        return {
            **answer(found, {"name": "name", "description": "description", "productCode": "productCode"}),
            "apiStages": [_stage_block(stage) for stage in found.get("apiStages") or []],
            "quotaSettings": _numbers(found.get("quota"), "limit", "offset"),
            "throttleSettings": _numbers(found.get("throttle"), "burstLimit", "rateLimit"),
            "arn": gateway_arn(call, f"usageplans/{rid}"),
            "tagsAll": found.get("tags") or {},
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        operations = replacements(old, new, {"/name": "name", "/description": "description"})
        operations += _block_changes("/quota", old.get("quotaSettings"), new.get("quotaSettings"))
        operations += _block_changes("/throttle", old.get("throttleSettings"), new.get("throttleSettings"))
        operations += _stage_changes(old.get("apiStages") or [], new.get("apiStages") or [])
        if operations:
            call.client("apigateway").update_usage_plan(usagePlanId=rid, patchOperations=operations)
        sync_tags(call, gateway_arn(call, f"usageplans/{rid}"), old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        gateway = call.client("apigateway")
        stages = gateway.get_usage_plan(usagePlanId=rid).get("apiStages") or []
        if stages:
            operations = [remove("/apiStages", f"{stage['apiId']}:{stage['stage']}") for stage in stages]
            gateway.update_usage_plan(usagePlanId=rid, patchOperations=operations)
        gateway.delete_usage_plan(usagePlanId=rid)


def _stage_request(stage: Props) -> Props:
    throttles = {
        item["path"]: request(item, {"burstLimit": "burstLimit", "rateLimit": "rateLimit"})
        for item in stage.get("throttles") or []
    }
    return {"apiId": stage["apiId"], "stage": stage["stage"]} | ({"throttle": throttles} if throttles else {})


def _stage_block(stage: Props) -> Props:
    throttles = [
        {"path": path, **(_numbers(limits, "burstLimit", "rateLimit") or {})}
        for path, limits in sorted((stage.get("throttle") or {}).items())
    ]
    return {"apiId": stage["apiId"], "stage": stage["stage"], "throttles": throttles}


def _numbers(block: Props | None, *names: str) -> Props | None:
    if not block:
        return None
    return {key: number(value) if key in names else value for key, value in block.items()}


def _block_changes(path: str, old: Props | None, new: Props | None) -> list[Operation]:
    if old and not new:
        return [remove(path)]
    before: Props = old or {}
    return [
        replace(f"{path}/{key}", value)
        for key, value in (new or {}).items()
        if value is not None and before.get(key) != value
    ]


def _stage_changes(old: list[Props], new: list[Props]) -> list[Operation]:
    before, after = {_key(stage): stage for stage in old}, {_key(stage): stage for stage in new}
    operations = [remove("/apiStages", key) for key in before if key not in after]
    operations += [add("/apiStages", key) for key in after if key not in before]
    for key, stage in after.items():
        previous = _limits(before.get(key))
        for path, limits in _limits(stage).items():
            operations += [
                replace(f"/apiStages/{key}/throttle/{escape(path)}/{name}", value)
                for name, value in limits.items()
                if previous.get(path, {}).get(name) != value
            ]
        operations += [
            remove(f"/apiStages/{key}/throttle/{escape(path)}") for path in previous if path not in _limits(stage)
        ]
    return operations


def _key(stage: Props) -> str:
    return f"{stage['apiId']}:{stage['stage']}"


def _limits(stage: Props | None) -> dict[str, dict[str, Any]]:
    throttles = (stage or {}).get("throttles") or []
    return {item["path"]: {key: value for key, value in item.items() if key != "path"} for item in throttles}


@resource("aws:apigateway/usagePlanKey:UsagePlanKey")
class UsagePlanKey(Resource):
    def create(self, call: Call, args: Props) -> str:
        names = {"usagePlanId": "usagePlanId", "keyId": "keyId", "keyType": "keyType"}
        return str(call.client("apigateway").create_usage_plan_key(**request(args, names))["id"])

    def identify(self, state: Props, rid: str) -> str:
        return str(state["keyId"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        plan = state["usagePlanId"]
        found = call.client("apigateway").get_usage_plan_key(usagePlanId=plan, keyId=rid)
        names = {"id": "keyId", "type": "keyType", "name": "name", "value": "value"}
        return {"usagePlanId": plan, **answer(found, names)}

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("apigateway").delete_usage_plan_key(usagePlanId=state["usagePlanId"], keyId=rid)

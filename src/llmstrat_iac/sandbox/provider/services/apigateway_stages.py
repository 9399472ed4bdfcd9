"""API Gateway deployments, stages and their method settings."""

from __future__ import annotations

from typing import ClassVar

from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.apigateway_api import gateway_arn, sync_tags
from llmstrat_iac.sandbox.provider.services.patching import (
    Operation,
    map_changes,
    remove,
    replace,
    replacements,
)
from llmstrat_iac.sandbox.provider.services.shapes import answer, changed, number, request, timestamp, truth
from llmstrat_iac.sandbox.provider.values import Props


@resource("aws:apigateway/deployment:Deployment")
class Deployment(Resource):
    def create(self, call: Call, args: Props) -> str:
        names = {"restApiId": "restApi", "description": "description", "variables": "variables"}
        return str(call.client("apigateway").create_deployment(**request(args, names))["id"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = call.client("apigateway").get_deployment(restApiId=state["restApi"], deploymentId=rid)
        return {"createdDate": timestamp(found.get("createdDate")), "description": found.get("description")}

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        operations = replacements(old, new, {"/description": "description"})
        if operations:
            call.client("apigateway").update_deployment(
                restApiId=new["restApi"], deploymentId=rid, patchOperations=operations
            )

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("apigateway").delete_deployment(restApiId=state["restApi"], deploymentId=rid)


@resource("aws:apigateway/stage:Stage")
class Stage(Resource):
    def create(self, call: Call, args: Props) -> str:
        gateway = call.client("apigateway")
        names = {
            "restApiId": "restApi", "stageName": "stageName", "deploymentId": "deployment",
            "description": "description", "cacheClusterEnabled": "cacheClusterEnabled",
            "cacheClusterSize": "cacheClusterSize",
            "documentationVersion": "documentationVersion", "tracingEnabled": "xrayTracingEnabled",
            "variables": "variables", "canarySettings": "canarySettings", "tags": "tagsAll",
        }  # fmt: skip
        gateway.create_stage(**request(args, names))
        call.created_id = self.identify(args, "")
        operations = _log_changes({}, args) + replacements({}, args, {"/clientCertificateId": "clientCertificateId"})
        if operations:
            gateway.update_stage(restApiId=args["restApi"], stageName=args["stageName"], patchOperations=operations)
        return call.created_id

    def identify(self, state: Props, rid: str) -> str:
        return f"ags-{state['restApi']}-{state['stageName']}"

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        api, name = state["restApi"], state["stageName"]
        found = call.client("apigateway").get_stage(restApiId=api, stageName=name)
        logs = found.get("accessLogSettings") or {}
        names = {
            "deploymentId": "deployment", "description": "description", "variables": "variables",
            "documentationVersion": "documentationVersion", "clientCertificateId": "clientCertificateId",
            "cacheClusterSize": "cacheClusterSize", "webAclArn": "webAclArn", "canarySettings": "canarySettings",
        }  # fmt: skip
        return {
            **answer(found, names),
            "restApi": api,
            "stageName": name,
            "cacheClusterEnabled": truth(found.get("cacheClusterEnabled")),
            "xrayTracingEnabled": truth(found.get("tracingEnabled")),
            "accessLogSettings": logs if logs.get("destinationArn") else None,
            "arn": gateway_arn(call, f"restapis/{api}/stages/{name}"),
            "executionArn": f"arn:{call.partition}:execute-api:{call.region}:{call.account_id}:{api}/{name}",
            # On AWS https://{api}.execute-api.{region}.amazonaws.com/{stage}; here a form that can be called.
            "invokeUrl": f"{call.clients.endpoint_url}/_aws/execute-api/{api}/{name}",
            "webAclArn": found.get("webAclArn") or "",
            "tagsAll": found.get("tags") or {},
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        paths = {
            "/deploymentId": "deployment", "/description": "description", "/cacheClusterSize": "cacheClusterSize",
            "/documentationVersion": "documentationVersion", "/clientCertificateId": "clientCertificateId",
        }  # fmt: skip
        operations = replacements(old, new, paths) + _log_changes(old, new)
        for path, name in {
            "/cacheClusterEnabled": "cacheClusterEnabled",
            "/tracingEnabled": "xrayTracingEnabled",
        }.items():
            if changed(old, new, name):
                operations.append(replace(path, bool(new.get(name))))
        operations += map_changes("/variables", old.get("variables"), new.get("variables"))
        if operations:
            call.client("apigateway").update_stage(
                restApiId=new["restApi"], stageName=new["stageName"], patchOperations=operations
            )
        sync_tags(call, gateway_arn(call, f"restapis/{new['restApi']}/stages/{new['stageName']}"), old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("apigateway").delete_stage(restApiId=state["restApi"], stageName=state["stageName"])


def _log_changes(old: Props, new: Props) -> list[Operation]:
    if not changed(old, new, "accessLogSettings"):
        return []
    settings = new.get("accessLogSettings")
    if not settings:
        return [remove("/accessLogSettings")]
    return [replace(f"/accessLogSettings/{key}", settings[key]) for key in ("destinationArn", "format")]


@resource("aws:apigateway/methodSettings:MethodSettings")
class MethodSettings(Resource):
    PATHS: ClassVar[dict[str, str]] = {
        "metricsEnabled": "metrics/enabled", "loggingLevel": "logging/loglevel",
        "dataTraceEnabled": "logging/dataTrace", "throttlingBurstLimit": "throttling/burstLimit",
        "throttlingRateLimit": "throttling/rateLimit",
        "cachingEnabled": "caching/enabled", "cacheTtlInSeconds": "caching/ttlInSeconds",
        "cacheDataEncrypted": "caching/dataEncrypted",
        "requireAuthorizationForCacheControl": "caching/requireAuthorizationForCacheControl",
        "unauthorizedCacheControlHeaderStrategy": "caching/unauthorizedCacheControlHeaderStrategy",
    }  # fmt: skip
    NUMBERS: ClassVar[set[str]] = {"throttlingBurstLimit", "throttlingRateLimit", "cacheTtlInSeconds"}

    def create(self, call: Call, args: Props) -> str:
        settings = {name: value for name, value in args["settings"].items() if value is not None}
        operations = [replace(f"/{args['methodPath']}/{self.PATHS[name]}", value) for name, value in settings.items()]
        if operations:
            self._patch(call, args, operations)
        return self.identify(args, "")

    def _patch(self, call: Call, key: Props, operations: list[Operation]) -> None:
        call.client("apigateway").update_stage(
            restApiId=key["restApi"], stageName=key["stageName"], patchOperations=operations
        )

    def identify(self, state: Props, rid: str) -> str:
        return f"{state['restApi']}-{state['stageName']}-{state['methodPath']}"

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        key = {"restApiId": state["restApi"], "stageName": state["stageName"]}
        found = call.client("apigateway").get_stage(**key).get("methodSettings", {}).get(state["methodPath"])
        if found is None:
            return None
        settings = {
            name: number(value) if name in self.NUMBERS else value
            for name, value in found.items()
            if name in self.PATHS
        }
        return {"settings": settings}

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        dropped = (old.get("settings") or {}).keys() - new["settings"].keys()
        if dropped:
            self._patch(call, new, [remove(f"/{new['methodPath']}")])
        self.create(call, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        self._patch(call, state, [remove(f"/{state['methodPath']}")])

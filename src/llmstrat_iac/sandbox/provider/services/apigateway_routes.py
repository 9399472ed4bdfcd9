"""API Gateway resources, methods and integrations: the routes of a REST API."""

from __future__ import annotations

from typing import ClassVar

from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.patching import map_changes, replace, replacements, set_changes
from llmstrat_iac.sandbox.provider.services.shapes import answer, changed, number, request, truth
from llmstrat_iac.sandbox.provider.values import Props


@resource("aws:apigateway/resource:Resource")
class PathResource(Resource):
    def create(self, call: Call, args: Props) -> str:
        made = call.client("apigateway").create_resource(
            restApiId=args["restApi"], parentId=args["parentId"], pathPart=args["pathPart"]
        )
        return str(made["id"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = call.client("apigateway").get_resource(restApiId=state["restApi"], resourceId=rid)
        names = {"parentId": "parentId", "pathPart": "pathPart", "path": "path"}
        return {"restApi": state["restApi"], **answer(found, names)}

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        operations = replacements(old, new, {"/pathPart": "pathPart", "/parentId": "parentId"})
        if operations:
            call.client("apigateway").update_resource(
                restApiId=new["restApi"], resourceId=rid, patchOperations=operations
            )

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("apigateway").delete_resource(restApiId=state["restApi"], resourceId=rid)


def route_key(state: Props) -> dict[str, str]:
    """What API Gateway identifies a method by."""
    return {
        "restApiId": state["restApi"],
        "resourceId": state["resourceId"],
        "httpMethod": state["httpMethod"],
    }


def route_state(state: Props) -> Props:
    """The same in properties."""
    return {name: state[name] for name in ("restApi", "resourceId", "httpMethod")}


@resource("aws:apigateway/method:Method")
class Method(Resource):
    NAMES: ClassVar[dict[str, str]] = {
        "authorizationType": "authorization", "authorizerId": "authorizerId", "apiKeyRequired": "apiKeyRequired",
        "operationName": "operationName", "requestParameters": "requestParameters", "requestModels": "requestModels",
        "requestValidatorId": "requestValidatorId", "authorizationScopes": "authorizationScopes",
    }  # fmt: skip

    def create(self, call: Call, args: Props) -> str:
        call.client("apigateway").put_method(**route_key(args), **request(args, self.NAMES))
        return self.identify(args, "")

    def identify(self, state: Props, rid: str) -> str:
        return f"agm-{state['restApi']}-{state['resourceId']}-{state['httpMethod']}"

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = call.client("apigateway").get_method(**route_key(state))
        parameters = {key: truth(value) for key, value in (found.get("requestParameters") or {}).items()}
        return {
            **route_state(state),
            **answer(found, self.NAMES),
            "apiKeyRequired": truth(found.get("apiKeyRequired")),
            "requestParameters": parameters,
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        paths = {
            "/authorizationType": "authorization", "/authorizerId": "authorizerId",
            "/apiKeyRequired": "apiKeyRequired", "/operationName": "operationName",
            "/requestValidatorId": "requestValidatorId",
        }  # fmt: skip
        operations = replacements({**old, "apiKeyRequired": None}, {**new, "apiKeyRequired": None}, paths)
        if changed(old, new, "apiKeyRequired"):
            operations.append(replace("/apiKeyRequired", bool(new.get("apiKeyRequired"))))
        for name in ("requestParameters", "requestModels"):
            operations += map_changes(f"/{name}", old.get(name), new.get(name))
        operations += set_changes(
            "/authorizationScopes", old.get("authorizationScopes"), new.get("authorizationScopes")
        )
        if operations:
            call.client("apigateway").update_method(**route_key(new), patchOperations=operations)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("apigateway").delete_method(**route_key(state))


@resource("aws:apigateway/integration:Integration")
class Integration(Resource):
    NAMES: ClassVar[dict[str, str]] = {
        "type": "type", "uri": "uri", "integrationHttpMethod": "integrationHttpMethod", "credentials": "credentials",
        "connectionType": "connectionType", "connectionId": "connectionId", "contentHandling": "contentHandling",
        "passthroughBehavior": "passthroughBehavior", "requestParameters": "requestParameters",
        "requestTemplates": "requestTemplates", "timeoutInMillis": "timeoutMilliseconds", "tlsConfig": "tlsConfig",
        "cacheNamespace": "cacheNamespace", "cacheKeyParameters": "cacheKeyParameters",
        "responseTransferMode": "responseTransferMode", "integrationTarget": "integrationTarget",
    }  # fmt: skip
    COLLECTIONS: ClassVar[set[str]] = {"requestParameters", "requestTemplates", "cacheKeyParameters", "tlsConfig"}

    def create(self, call: Call, args: Props) -> str:
        call.client("apigateway").put_integration(**route_key(args), **request(args, self.NAMES))
        return self.identify(args, "")

    def identify(self, state: Props, rid: str) -> str:
        return f"agi-{state['restApi']}-{state['resourceId']}-{state['httpMethod']}"

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = call.client("apigateway").get_integration(**route_key(state))
        # The answer calls the backend's method httpMethod; MOCK integrations have none.
        mock = found.get("type") == "MOCK"
        return {
            **route_state(state),
            **answer(found, self.NAMES),
            "integrationHttpMethod": None if mock else found.get("httpMethod"),
            "timeoutMilliseconds": number(found.get("timeoutInMillis", 29000)),
            "responseTransferMode": found.get("responseTransferMode") or "BUFFERED",
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        kept = {"responseTransferMode", "cacheNamespace", "passthroughBehavior"} - new.keys()
        paths = {
            f"/{'httpMethod' if api == 'integrationHttpMethod' else api}": prop
            for api, prop in self.NAMES.items()
            if prop not in self.COLLECTIONS and prop not in kept
        }
        operations = replacements(old, new, paths)
        for name in ("requestParameters", "requestTemplates"):
            operations += map_changes(f"/{name}", old.get(name), new.get(name))
        operations += set_changes("/cacheKeyParameters", old.get("cacheKeyParameters"), new.get("cacheKeyParameters"))
        if changed(old, new, "tlsConfig"):
            insecure = bool((new.get("tlsConfig") or {}).get("insecureSkipVerification"))
            operations.append(replace("/tlsConfig/insecureSkipVerification", insecure))
        if operations:
            call.client("apigateway").update_integration(**route_key(new), patchOperations=operations)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("apigateway").delete_integration(**route_key(state))

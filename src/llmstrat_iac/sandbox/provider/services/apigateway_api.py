"""API Gateway REST APIs and what belongs to a whole one: policy, authorizers, responses, account settings."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.patching import map_changes, replace, replacements, set_changes
from llmstrat_iac.sandbox.provider.services.shapes import (
    answer,
    changed,
    document,
    number,
    request,
    tag_delta,
    timestamp,
    truth,
)
from llmstrat_iac.sandbox.provider.values import Props


def gateway_arn(call: Call, path: str) -> str:
    """The control-plane ARN of something in API Gateway."""
    return f"arn:{call.partition}:apigateway:{call.region}::/{path}"


def sync_tags(call: Call, arn: str, old: Props, new: Props) -> None:
    """Bring the tags of anything in API Gateway up to date."""
    added, removed = tag_delta(old, new)
    if added:
        call.client("apigateway").tag_resource(resourceArn=arn, tags=added)
    if removed:
        call.client("apigateway").untag_resource(resourceArn=arn, tagKeys=removed)


@resource("aws:apigateway/restApi:RestApi")
class RestApi(Resource):
    def create(self, call: Call, args: Props) -> str:
        gateway = call.client("apigateway")
        names = {
            "name": "name", "description": "description", "apiKeySource": "apiKeySource", "policy": "policy",
            "binaryMediaTypes": "binaryMediaTypes", "disableExecuteApiEndpoint": "disableExecuteApiEndpoint",
            "securityPolicy": "securityPolicy", "endpointAccessMode": "endpointAccessMode", "tags": "tagsAll",
        }  # fmt: skip
        options = request(args, names)
        if args.get("minimumCompressionSize"):
            options["minimumCompressionSize"] = int(args["minimumCompressionSize"])
        if args.get("endpointConfiguration"):
            block = args["endpointConfiguration"]
            options["endpointConfiguration"] = {**block, "types": [block["types"]]}
        rid = str(gateway.create_rest_api(**options)["id"])
        call.created_id = rid
        if args.get("body"):
            self._put_body(gateway, rid, args)
        return rid

    def _put_body(self, gateway: Any, rid: str, args: Props) -> None:
        gateway.put_rest_api(
            restApiId=rid,
            mode=args.get("putRestApiMode", "overwrite"),
            failOnWarnings=bool(args.get("failOnWarnings")),
            parameters=args.get("parameters") or {},
            body=args["body"].encode(),
        )

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        gateway = call.client("apigateway")
        api = gateway.get_rest_api(restApiId=rid)
        pages = gateway.get_paginator("get_resources").paginate(restApiId=rid)
        root = next((item["id"] for page in pages for item in page["items"] if item["path"] == "/"), None)
        names = {
            "name": "name", "description": "description", "apiKeySource": "apiKeySource",
            "binaryMediaTypes": "binaryMediaTypes", "securityPolicy": "securityPolicy",
            "endpointAccessMode": "endpointAccessMode",
        }  # fmt: skip
        size = api.get("minimumCompressionSize")
        return {
            **answer(api, names),
            "disableExecuteApiEndpoint": truth(api.get("disableExecuteApiEndpoint")),
            "minimumCompressionSize": None if size is None else str(size),
            "endpointConfiguration": _endpoint_block(api.get("endpointConfiguration") or {}),
            "policy": unescaped_policy(api.get("policy")),
            "arn": gateway_arn(call, f"restapis/{rid}"),
            "executionArn": f"arn:{call.partition}:execute-api:{call.region}:{call.account_id}:{rid}",
            "createdDate": timestamp(api.get("createdDate")),
            "rootResourceId": root,
            "tagsAll": api.get("tags") or {},
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        gateway = call.client("apigateway")
        if new.get("body") and changed(old, new, "body", "parameters"):
            self._put_body(gateway, rid, new)
        paths = {
            "/name": "name", "/description": "description", "/apiKeySource": "apiKeySource",
            "/disableExecuteApiEndpoint": "disableExecuteApiEndpoint", "/securityPolicy": "securityPolicy",
        }  # fmt: skip
        operations = replacements(old, new, paths)
        for path, name in {"/policy": "policy", "/minimumCompressionSize": "minimumCompressionSize"}.items():
            if name in new:
                operations += replacements(old, new, {path: name})
        if "binaryMediaTypes" in new:
            operations += set_changes("/binaryMediaTypes", old.get("binaryMediaTypes"), new["binaryMediaTypes"])
        before, after = old.get("endpointConfiguration") or {}, new.get("endpointConfiguration")
        if after and before.get("types") != after["types"]:
            operations.append(replace("/endpointConfiguration/types/0", after["types"]))
        if operations:
            gateway.update_rest_api(restApiId=rid, patchOperations=operations)
        sync_tags(call, gateway_arn(call, f"restapis/{rid}"), old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("apigateway").delete_rest_api(restApiId=rid)


def _endpoint_block(found: Props) -> Props:
    block = {"types": (found.get("types") or ["EDGE"])[0], "vpcEndpointIds": found.get("vpcEndpointIds") or None}
    block["ipAddressType"] = found.get("ipAddressType")
    return {key: value for key, value in block.items() if value is not None}


def unescaped_policy(text: str | None) -> str | None:
    """API Gateway answers with the policy's quotes escaped once more than they need to be."""
    if not text:
        return None
    return document(json.loads(f'"{text}"') if '\\"' in text else text)


@resource("aws:apigateway/restApiPolicy:RestApiPolicy")
class RestApiPolicy(Resource):
    def create(self, call: Call, args: Props) -> str:
        self._set(call, args["restApiId"], args["policy"])
        return str(args["restApiId"])

    def _set(self, call: Call, api: str, policy: str) -> None:
        call.client("apigateway").update_rest_api(restApiId=api, patchOperations=[replace("/policy", policy)])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        policy = unescaped_policy(call.client("apigateway").get_rest_api(restApiId=rid).get("policy"))
        return {"restApiId": rid, "policy": policy} if policy else None

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        self._set(call, rid, new["policy"])

    def delete(self, call: Call, rid: str, state: Props) -> None:
        self._set(call, rid, "")


@resource("aws:apigateway/authorizer:Authorizer")
class Authorizer(Resource):
    NAMES: ClassVar[dict[str, str]] = {
        "name": "name", "type": "type", "authorizerUri": "authorizerUri", "identitySource": "identitySource",
        "authorizerCredentials": "authorizerCredentials", "providerARNs": "providerArns",
        "identityValidationExpression": "identityValidationExpression",
        "authorizerResultTtlInSeconds": "authorizerResultTtlInSeconds",
    }  # fmt: skip

    def create(self, call: Call, args: Props) -> str:
        options = request(args, self.NAMES)
        return str(call.client("apigateway").create_authorizer(restApiId=args["restApi"], **options)["id"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        api = state["restApi"]
        found = call.client("apigateway").get_authorizer(restApiId=api, authorizerId=rid)
        return {
            **answer(found, self.NAMES),
            "restApi": api,
            "authorizerResultTtlInSeconds": number(found.get("authorizerResultTtlInSeconds", 300)),
            "arn": gateway_arn(call, f"restapis/{api}/authorizers/{rid}"),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        paths = {f"/{api}": prop for api, prop in self.NAMES.items() if api != "providerARNs"}
        operations = replacements(old, new, paths)
        operations += set_changes("/providerARNs", old.get("providerArns"), new.get("providerArns"))
        if operations:
            call.client("apigateway").update_authorizer(
                restApiId=new["restApi"], authorizerId=rid, patchOperations=operations
            )

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("apigateway").delete_authorizer(restApiId=state["restApi"], authorizerId=rid)


@resource("aws:apigateway/response:Response")
class GatewayResponse(Resource):
    NAMES: ClassVar[dict[str, str]] = {
        "statusCode": "statusCode", "responseParameters": "responseParameters",
        "responseTemplates": "responseTemplates",
    }  # fmt: skip

    def create(self, call: Call, args: Props) -> str:
        call.client("apigateway").put_gateway_response(
            restApiId=args["restApiId"], responseType=args["responseType"], **request(args, self.NAMES)
        )
        return self.identify(args, "")

    def identify(self, state: Props, rid: str) -> str:
        return f"aggr-{state['restApiId']}-{state['responseType']}"

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        key = {"restApiId": state["restApiId"], "responseType": state["responseType"]}
        found = call.client("apigateway").get_gateway_response(**key)
        if found.get("defaultResponse"):
            return None
        shown = answer(found, self.NAMES)
        if "responseTemplates" not in state:
            # Without templates of its own AWS stores its default application/json one.
            del shown["responseTemplates"]
        return {**key, **shown}

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        operations = replacements(old, new, {"/statusCode": "statusCode"})
        for name in ("responseParameters", "responseTemplates"):
            operations += map_changes(f"/{name}", old.get(name), new.get(name))
        # TF patches; a put of the whole response has the same result and one call less to get wrong.
        if operations:
            self.create(call, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("apigateway").delete_gateway_response(
            restApiId=state["restApiId"], responseType=state["responseType"]
        )


@resource("aws:apigateway/account:Account")
class Account(Resource):
    def create(self, call: Call, args: Props) -> str:
        self._set(call, args.get("cloudwatchRoleArn") or "")
        return call.account_id

    def _set(self, call: Call, role: str) -> None:
        call.client("apigateway").update_account(patchOperations=[replace("/cloudwatchRoleArn", role)])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = call.client("apigateway").get_account()
        return {
            "cloudwatchRoleArn": found.get("cloudwatchRoleArn") or "",
            "apiKeyVersion": found.get("apiKeyVersion"),
            "features": found.get("features") or [],
            "throttleSettings": [found["throttleSettings"]] if found.get("throttleSettings") else [],
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        self._set(call, new.get("cloudwatchRoleArn") or "")

    def delete(self, call: Call, rid: str, state: Props) -> None:
        self._set(call, "")

"""SageMaker: models, endpoint configurations and endpoints."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from llmstrat_iac.sandbox.provider.faults import ResourceError
from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.sagemaker import retag
from llmstrat_iac.sandbox.provider.services.shapes import changed, tag_list, tag_map
from llmstrat_iac.sandbox.provider.services.waiting import wait
from llmstrat_iac.sandbox.provider.values import Props

# Properties that the API spells otherwise than with a capital letter.
RENAMED = {
    "volumeSizeInGb": "VolumeSizeInGB", "memorySizeInMb": "MemorySizeInMB", "enableSsmAccess": "EnableSSMAccess",
    "kmsKeyArn": "KmsKeyId", "includeInferenceResponseIns": "IncludeInferenceResponseIn",
    "routingConfigs": "RoutingConfig", "s3DataSources": "S3DataSource",
}  # fmt: skip
# Lists of at most one, which the API has as a block.
SINGLE = {"routingConfigs", "s3DataSources"}
VERBATIM = {"environment"}
CLIENT_SIDE = {"region", "tags", "tagsAll", "name", "namePrefix"}
_BACK = {api: prop for prop, api in RENAMED.items()}


def _request(value: Any) -> Any:
    if isinstance(value, dict):
        found = {}
        for key, item in value.items():
            if item is not None:
                once = item[0] if key in SINGLE and item else item
                found[RENAMED.get(key, key[0].upper() + key[1:])] = item if key in VERBATIM else _request(once)
        return found
    return [_request(item) for item in value] if isinstance(value, list) else value


def _answer(value: Any) -> Any:
    if isinstance(value, dict):
        result: Props = {}
        for key, item in value.items():
            prop = _BACK.get(key, key[0].lower() + key[1:])
            inner = item if prop in VERBATIM else _answer(item)
            result[prop] = [inner] if prop in SINGLE else inner
        return result
    return [_answer(item) for item in value] if isinstance(value, list) else value


def _asked(args: Props) -> Props:
    return {key: value for key, value in args.items() if key not in CLIENT_SIDE and not key.startswith("__")}


def _found(look: Callable[[], Props]) -> Props | None:
    """SageMaker says that something isn't there by a validation error."""
    try:
        return look()
    except ClientError as error:
        if "Could not find" in str(error):
            return None
        raise


def _read(client: Any, found: Props, arn: str, names: tuple[str, ...]) -> Props:
    """The named properties as SageMaker has them, None where it has none, with ARN and tags."""
    props = _answer(found)
    tags = tag_map(client.list_tags(ResourceArn=found[arn]).get("Tags"))
    return {**{name: props.get(name) for name in names}, "arn": found[arn], "tagsAll": tags}


@resource("aws:sagemaker/model:Model")
class Model(Resource):
    NAMES = ("executionRoleArn", "primaryContainer", "containers", "vpcConfig", "inferenceExecutionConfig")

    def create(self, call: Call, args: Props) -> str:
        call.client("sagemaker").create_model(
            ModelName=args["name"], Tags=tag_list(args.get("tagsAll")), **_request(_asked(args))
        )
        return str(args["name"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        client = call.client("sagemaker")
        found = _found(lambda: client.describe_model(ModelName=rid))
        if found is None:
            return None
        isolated = bool(found.get("EnableNetworkIsolation"))
        return {"name": rid, "enableNetworkIsolation": isolated, **_read(client, found, "ModelArn", self.NAMES)}

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        retag(call.client("sagemaker"), old["arn"], old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        _found(lambda: call.client("sagemaker").delete_model(ModelName=rid))


@resource("aws:sagemaker/endpointConfiguration:EndpointConfiguration")
class EndpointConfiguration(Resource):
    NAMES = (
        "productionVariants", "shadowProductionVariants", "asyncInferenceConfig", "dataCaptureConfig", "kmsKeyArn",
        "executionRoleArn",
    )  # fmt: skip

    def create(self, call: Call, args: Props) -> str:
        asked = _asked(args)
        for key in ("productionVariants", "shadowProductionVariants"):
            if asked.get(key):
                asked[key] = [{"variantName": f"variant-{uuid.uuid4().hex[:12]}", **item} for item in asked[key]]
        call.client("sagemaker").create_endpoint_config(
            EndpointConfigName=args["name"], Tags=tag_list(args.get("tagsAll")), **_request(asked)
        )
        return str(args["name"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        client = call.client("sagemaker")
        found = _found(lambda: client.describe_endpoint_config(EndpointConfigName=rid))
        if found is None:
            return None
        return {"name": rid, **_read(client, found, "EndpointConfigArn", self.NAMES)}

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        retag(call.client("sagemaker"), old["arn"], old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        _found(lambda: call.client("sagemaker").delete_endpoint_config(EndpointConfigName=rid))


@resource("aws:sagemaker/endpoint:Endpoint")
class Endpoint(Resource):
    """Waited for until it is in service. One that fails at first stays in the account outside of the state, as with
    the real provider."""

    def create(self, call: Call, args: Props) -> str:
        call.client("sagemaker").create_endpoint(
            EndpointName=args["name"], Tags=tag_list(args.get("tagsAll")), **_request(_asked(args))
        )
        _in_service(call.client("sagemaker"), args["name"], "Creating")
        return str(args["name"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        client = call.client("sagemaker")
        found = _found(lambda: client.describe_endpoint(EndpointName=rid))
        if found is None:
            return None
        props = _read(client, found, "EndpointArn", ("endpointConfigName",))
        return {"name": rid, "deploymentConfig": _answer(found.get("LastDeploymentConfig")), **props}

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        client = call.client("sagemaker")
        if changed(old, new, "endpointConfigName", "deploymentConfig"):
            client.update_endpoint(EndpointName=rid, **_request(_asked(new)))
            _in_service(client, rid, "Updating")
        retag(client, old["arn"], old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        client = call.client("sagemaker")
        if _found(lambda: client.delete_endpoint(EndpointName=rid)) is not None:
            wait(
                lambda: "Deleting" if _found(lambda: client.describe_endpoint(EndpointName=rid)) else "gone",
                "Deleting",
                "gone",
            )


def _in_service(client: Any, name: str, pending: str) -> None:
    try:
        wait(lambda: str(client.describe_endpoint(EndpointName=name)["EndpointStatus"]), pending, "InService")
    except ResourceError as error:
        reason = client.describe_endpoint(EndpointName=name).get("FailureReason")
        raise ResourceError(f"{error}: {reason}" if reason else str(error)) from error

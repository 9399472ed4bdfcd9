"""Lambda: functions and the permissions to invoke them."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from llmstrat_iac.errors import SandboxError
from llmstrat_iac.sandbox.provider.blobs import content
from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.shapes import answer, changed, request, tag_delta
from llmstrat_iac.sandbox.provider.values import Blob, Props

WAIT_SECONDS = 60.0
CONFIGURATION = {
    "Role": "role", "Runtime": "runtime", "Handler": "handler", "Description": "description", "Timeout": "timeout",
    "MemorySize": "memorySize", "Layers": "layers", "KMSKeyArn": "kmsKeyArn",
}  # fmt: skip
# Blocks, as property -> (API name, {API member: property}).
BLOCKS: dict[str, tuple[str, dict[str, str]]] = {
    "environment": ("Environment", {"Variables": "variables"}),
    "ephemeralStorage": ("EphemeralStorage", {"Size": "size"}),
    "tracingConfig": ("TracingConfig", {"Mode": "mode"}),
    "deadLetterConfig": ("DeadLetterConfig", {"TargetArn": "targetArn"}),
    "snapStart": ("SnapStart", {"ApplyOn": "applyOn"}),
    "imageConfig": (
        "ImageConfig", {"EntryPoint": "entryPoints", "Command": "commands", "WorkingDirectory": "workingDirectory"}
    ),
    "loggingConfig": (
        "LoggingConfig",
        {
            "LogFormat": "logFormat", "ApplicationLogLevel": "applicationLogLevel", "LogGroup": "logGroup",
            "SystemLogLevel": "systemLogLevel",
        },
    ),
    "vpcConfig": (
        "VpcConfig",
        {
            "SubnetIds": "subnetIds", "SecurityGroupIds": "securityGroupIds",
            "Ipv6AllowedForDualStack": "ipv6AllowedForDualStack",
        },
    ),
}  # fmt: skip
CODE = ("code", "s3Bucket", "s3Key", "s3ObjectVersion", "imageUri", "sourceCodeHash", "architectures")


@resource("aws:lambda/function:Function")
class Function(Resource):
    def create(self, call: Call, args: Props) -> str:
        client, name = call.client("lambda"), str(args["name"])
        extra = {"PackageType": "packageType", "Publish": "publish", "Architectures": "architectures"}
        options = {**_configuration(args), **request(args, extra)}
        for prop, api in {"durableConfig": "DurableConfig", "tenancyConfig": "TenancyConfig"}.items():
            if args.get(prop):
                options[api] = {key[0].upper() + key[1:]: value for key, value in args[prop].items()}
        client.create_function(FunctionName=name, Code=_code(args), Tags=args.get("tagsAll") or {}, **options)
        call.created_id = name
        _wait(client, name)
        _set_concurrency(client, name, args, -1)
        return name

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = call.client("lambda").get_function(FunctionName=rid)
        config = found["Configuration"]
        arn = str(config["FunctionArn"])
        plain_names = {
            **CONFIGURATION, "FunctionName": "name", "Architectures": "architectures", "CodeSha256": "codeSha256",
            "LastModified": "lastModified", "CodeSize": "sourceCodeSize", "Version": "version",
        }  # fmt: skip
        result = answer(config, plain_names)
        result["layers"] = [layer["Arn"] for layer in config.get("Layers") or []]
        result |= {prop: _block(config.get(api), names) for prop, (api, names) in BLOCKS.items()}
        if result["snapStart"] == {"applyOn": "None"}:
            result["snapStart"] = None
        systems = config.get("FileSystemConfigs") or []
        mount = {"Arn": "arn", "LocalMountPath": "localMountPath"}
        version = str(config.get("Version", "$LATEST"))
        return {
            **result,
            "packageType": config.get("PackageType", "Zip"),
            "imageUri": found.get("Code", {}).get("ImageUri"),
            "fileSystemConfig": answer(systems[0], mount) if systems else None,
            "reservedConcurrentExecutions": found.get("Concurrency", {}).get("ReservedConcurrentExecutions", -1),
            "sourceCodeHash": state.get("sourceCodeHash", config.get("CodeSha256")),
            "arn": arn,
            "qualifiedArn": f"{arn}:{version}",
            "invokeArn": _invoke_arn(call, arn),
            "qualifiedInvokeArn": _invoke_arn(call, f"{arn}:{version}"),
            "responseStreamingInvokeArn": _streaming_arn(call, arn),
            "signingJobArn": "",
            "signingProfileVersionArn": "",
            "tagsAll": found.get("Tags") or {},
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        client = call.client("lambda")
        before, after = _configuration(old, clear=True), _configuration(new, clear=True)
        if before != after:
            client.update_function_configuration(FunctionName=rid, **after)
            _wait(client, rid)
        if _code_changed(old, new):
            architectures = request(new, {"Architectures": "architectures"})
            client.update_function_code(FunctionName=rid, **_code(new), **architectures)
            _wait(client, rid)
        _set_concurrency(client, rid, new, old.get("reservedConcurrentExecutions", -1))
        if new.get("publish") and (before != after or _code_changed(old, new) or not old.get("publish")):
            client.publish_version(FunctionName=rid)
        added, removed = tag_delta(old, new)
        arn = old["arn"]
        if added:
            client.tag_resource(Resource=arn, Tags=added)
        if removed:
            client.untag_resource(Resource=arn, TagKeys=removed)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        if not state.get("skipDestroy"):
            call.client("lambda").delete_function(FunctionName=rid)


def _invoke_arn(call: Call, arn: str) -> str:
    prefix = f"arn:{call.partition}:apigateway:{call.region}:lambda:path"
    return f"{prefix}/2015-03-31/functions/{arn}/invocations"


def _streaming_arn(call: Call, arn: str) -> str:
    prefix = f"arn:{call.partition}:apigateway:{call.region}:lambda:path"
    return f"{prefix}/2021-11-15/functions/{arn}/response-streaming-invocations"


def _configuration(args: Props, *, clear: bool = False) -> Props:
    """Configuration arguments; `clear` sends empty values for what is unset, as an update must."""
    options = request(args, CONFIGURATION)
    for prop, (api, names) in BLOCKS.items():
        if args.get(prop):
            options[api] = request(args[prop], names)
    if args.get("fileSystemConfig"):
        mount = {"Arn": "arn", "LocalMountPath": "localMountPath"}
        options["FileSystemConfigs"] = [request(args["fileSystemConfig"], mount)]
    if clear:
        empty: Props = {
            "Description": "", "Environment": {"Variables": {}}, "Layers": [], "DeadLetterConfig": {"TargetArn": ""},
            "KMSKeyArn": "", "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}, "FileSystemConfigs": [],
        }  # fmt: skip
        options = {**empty, **options}
    return options


def _block(found: Props | None, names: dict[str, str]) -> Props | None:
    if not found:
        return None
    block = {prop: value for prop, value in answer(found, names).items() if value not in (None, [], "")}
    return block or None


def _code(args: Props) -> Props:
    code = args.get("code")
    if isinstance(code, Blob):
        return {"ZipFile": content(code)}
    if args.get("imageUri"):
        return {"ImageUri": args["imageUri"]}
    names = {"S3Bucket": "s3Bucket", "S3Key": "s3Key", "S3ObjectVersion": "s3ObjectVersion"}
    found = request(args, names)
    if not found:
        raise SandboxError("one of `code`, `s3Bucket` and `imageUri` must be given")
    return found


def _code_changed(old: Props, new: Props) -> bool:
    before, after = old.get("code"), new.get("code")
    if isinstance(before, Blob) and isinstance(after, Blob):
        if before.hash != after.hash or not after.hash:
            return True
    elif before is not after:
        return True
    return changed(old, {**{key: old.get(key) for key in ("sourceCodeHash", "architectures")}, **new}, *CODE[1:])


def _set_concurrency(client: Any, name: str, args: Props, current: int) -> None:
    wanted = args.get("reservedConcurrentExecutions", -1)
    if wanted == current:
        return
    if wanted >= 0:
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=wanted)
    else:
        client.delete_function_concurrency(FunctionName=name)


def _wait(client: Any, name: str) -> None:
    """Until the function is active and its last update has succeeded."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        found = client.get_function_configuration(FunctionName=name)
        state, update = found.get("State", "Active"), found.get("LastUpdateStatus", "Successful")
        if "Failed" in (state, update):
            reason = found.get("StateReason") or found.get("LastUpdateStatusReason") or "no reason given"
            raise SandboxError(f"the function is {state}, its last update {update}: {reason}")
        if state in ("Active", "ActiveNonInvocable") and update == "Successful":
            return
        if time.monotonic() > deadline:
            raise SandboxError(f"the function is still {state} (last update {update}) after {WAIT_SECONDS:.0f} s")
        time.sleep(0.1)


_function_locks: dict[str, threading.Lock] = {}


def _lock(function: str) -> threading.Lock:
    """One lock a function: AWS answers ResourceConflict when its policy is changed twice at once."""
    return _function_locks.setdefault(function, threading.Lock())


@resource("aws:lambda/permission:Permission")
class Permission(Resource):
    def create(self, call: Call, args: Props) -> str:
        names = {
            "FunctionName": "function", "StatementId": "statementId", "Action": "action", "Principal": "principal",
            "SourceArn": "sourceArn", "SourceAccount": "sourceAccount", "EventSourceToken": "eventSourceToken",
            "Qualifier": "qualifier", "PrincipalOrgID": "principalOrgId", "FunctionUrlAuthType": "functionUrlAuthType",
            "InvokedViaFunctionUrl": "invokedViaFunctionUrl",
        }  # fmt: skip
        with _lock(args["function"]):
            call.client("lambda").add_permission(**request(args, names))
        return str(args["statementId"])

    def identify(self, state: Props, rid: str) -> str:
        return str(state["statementId"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        key = request(state, {"FunctionName": "function", "Qualifier": "qualifier"})
        policy = json.loads(call.client("lambda").get_policy(**key)["Policy"])
        statement = next((item for item in policy["Statement"] if item.get("Sid") == rid), None)
        if statement is None:
            return None
        conditions = {
            name.lower(): value for block in statement.get("Condition", {}).values() for name, value in block.items()
        }
        principal = statement["Principal"]
        if isinstance(principal, dict):
            principal = principal.get("Service") or principal.get("AWS")
        return {
            "function": state["function"],
            "statementId": rid,
            "action": statement["Action"],
            "principal": _account_of(principal, state.get("principal")),
            "sourceArn": conditions.get("aws:sourcearn"),
            "sourceAccount": conditions.get("aws:sourceaccount"),
        }

    def delete(self, call: Call, rid: str, state: Props) -> None:
        key = request(state, {"FunctionName": "function", "Qualifier": "qualifier"})
        with _lock(state["function"]):
            call.client("lambda").remove_permission(StatementId=rid, **key)


def _account_of(principal: Any, asked: str | None) -> Any:
    """An account id comes back as the ARN of its root user; keep the form that was asked for."""
    if asked and str(principal) == f"arn:aws:iam::{asked}:root":
        return asked
    return principal

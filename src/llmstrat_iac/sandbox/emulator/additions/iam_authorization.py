"""`AWS_IAM` methods of REST APIs: the signature is checked, then the caller's policies and the API's own.

Upstream looks at no more than whether there is an Authorization header. A function in the sandbox signs as the account
itself rather than as its role, so for it the signature is all that is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from llmstrat_iac.sandbox.emulator.additions.registry import API_GATEWAY, Addition, Seam, wrap

_APP = "ministack.app"
_SIGV4 = "ministack.core.sigv4"
_EVALUATOR = "ministack.core.iam_evaluator"
_SERVICE = "execute-api"
_ACTION = "execute-api:Invoke"
_raw_path: ContextVar[str] = ContextVar("llmstrat_raw_path", default="")


def _install() -> None:
    wrap(_APP, "_handle_execute_api_request", _keep_raw_path)
    wrap(API_GATEWAY, "_authorize_request_v1", _check_iam)


def _keep_raw_path(original: Callable[..., Any]) -> Callable[..., Any]:
    """A signature covers the path as it was sent, which upstream takes apart."""

    async def handle_execute_api_request(host: str, path: str, *arguments: Any, **options: Any) -> Any:
        token = _raw_path.set(options.get("raw_path") or path)
        try:
            return await original(host, path, *arguments, **options)
        finally:
            _raw_path.reset(token)

    return handle_execute_api_request


def _check_iam(original: Callable[..., Any]) -> Callable[..., Any]:
    async def authorize_request(api_id: str, stage_name: str, method_obj: Mapping[str, Any], *arguments: Any) -> Any:
        error, context = await original(api_id, stage_name, method_obj, *arguments)
        if error is not None or str(method_obj.get("authorizationType")).upper() != "AWS_IAM":
            return error, context
        method, path, _, headers, body, query, _, _, account, region = arguments
        checked = _authenticate(method, headers, body, query or {}, account, region)
        if _is_failure(checked):
            return _refusal(checked), None
        return _denial(checked, f"{api_id}/{stage_name}/{method}/{path.lstrip('/')}", account, region), None

    return authorize_request


def _authenticate(
    method: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any], account: str, region: str
) -> Any:
    """The caller's credential, or what is wrong with the signature."""
    from ministack.core import iam_evaluator, sigv4

    if not headers.get("authorization", "").startswith("AWS4-HMAC-SHA256"):
        return iam_evaluator.AuthError(*(sigv4.foreign_authorization_failure(headers) or _wrong_scope()))
    signature = sigv4.parse_header_signature(headers)
    if isinstance(signature, tuple):
        return iam_evaluator.AuthError(*signature)
    if (signature.service, signature.region) != (_SERVICE, region):
        return iam_evaluator.AuthError(*_wrong_scope())
    skewed = sigv4.request_time_failure(signature)
    if skewed:
        return iam_evaluator.AuthError(*skewed)
    key = signature.access_key_id
    token = () if iam_evaluator.is_root_access_key(key) else (headers.get("x-amz-security-token", ""),)
    credential = iam_evaluator.resolve_credential(key, account, *token)
    if _is_failure(credential):
        return credential
    failure = sigv4.header_signature_failure(
        signature, credential.secret_access_key, method, _raw_path.get(), query, headers, body or b"", explain=True
    )
    return iam_evaluator.AuthError(*failure) if failure else credential


def _is_failure(checked: Any) -> bool:
    from ministack.core.iam_evaluator import AuthError, CredentialResolutionError

    return isinstance(checked, AuthError | CredentialResolutionError)


def _wrong_scope() -> tuple[str, str]:
    return "SignatureDoesNotMatch", f"Credential should be scoped to a valid region and to the service '{_SERVICE}'. "


def _refusal(failure: Any) -> Any:
    from ministack.services import apigateway_v1

    unknown = ("DEFAULT_4XX", "UnrecognizedClientException")
    response_type, error_type = apigateway_v1._AUTHENTICATION_GATEWAY_ERRORS.get(failure.code, unknown)
    return apigateway_v1._GatewayError(response_type, failure.message, error_type)


def _denial(credential: Any, resource: str, account: str, region: str) -> Any:
    """API Gateway's refusal if the caller's and the API's policies don't allow the call together."""
    from ministack.core import iam_evaluator
    from ministack.services import apigateway_v1

    principal = iam_evaluator.resolve_principal(credential.access_key_id, account, credential)
    if principal.policies is None:
        return None
    arn = f"arn:aws:{_SERVICE}:{region}:{account}:{resource}"
    context = iam_evaluator.EvalContext(
        principal_arn=_principal_arn(principal),
        principal_type=principal.type,
        principal_account=principal.account,
        action=_ACTION,
        resource_arn=arn,
        region=region,
        principal_keys=principal.keys,
    )
    decision = iam_evaluator.evaluate(context, principal.policies, *principal.limits)
    policy = apigateway_v1.rest_api_policy_for_arn(arn)
    if policy is not None:
        decision = iam_evaluator.combine_resource_policy(decision, context, *policy, limits=principal.limits)
    if decision.decision == "Allow":
        return None
    shown = arn.replace(f":{account}:", f":********{account[-4:]}:", 1)
    reason = " with an explicit deny" if decision.decision == "Deny" else ""
    message = f"User: {principal.arn} is not authorized to perform: {_ACTION} on resource: {shown}{reason}"
    return apigateway_v1._gw_error("ACCESS_DENIED", message)


def _principal_arn(principal: Any) -> str:
    """`aws:PrincipalArn`, which for a role's session is the role, with its path."""
    from ministack.core.iam_evaluator import _role_name_from_assumed_arn
    from ministack.services import iam

    if principal.type != "AssumedRole":
        return str(principal.arn)
    role = iam._roles.get_scoped(principal.account, None, _role_name_from_assumed_arn(principal.arn)) or {}
    return str(role.get("Arn", principal.arn))


ADDITION = Addition(
    name="iam-authorization",
    why="a method with AWS_IAM lets anybody in who sends any Authorization header",
    since="1.5.33",
    before="1.6",
    seams=(
        Seam(_APP, "_handle_execute_api_request", ("host", "path", "method", "headers", "body", "query_params")),
        Seam(
            API_GATEWAY,
            "_authorize_request_v1",
            (
                "api_id",
                "stage_name",
                "method_obj",
                "method",
                "request_path",
                "resource",
                "headers",
                "body",
                "query_params",
                "path_params",
                "stage",
                "owner_account_id",
                "owner_region",
            ),
        ),
        Seam(API_GATEWAY, "rest_api_policy_for_arn", ("resource_arn",)),
        Seam(_SIGV4, "parse_header_signature", ("headers",)),
        Seam(_SIGV4, "foreign_authorization_failure", ("headers",)),
        Seam(_SIGV4, "request_time_failure", ("signature",)),
        Seam(
            _SIGV4,
            "header_signature_failure",
            ("signature", "secret", "method", "raw_path", "query_params", "headers", "body"),
        ),
        Seam(_EVALUATOR, "is_root_access_key", ("access_key_id",)),
        Seam(_EVALUATOR, "resolve_credential", ("access_key_id", "account_id", "session_token")),
        Seam(_EVALUATOR, "resolve_principal", ("access_key_id", "account_id", "credential")),
        Seam(_EVALUATOR, "combine_resource_policy", ("identity", "ctx", "policy", "owner_account")),
    ),
    install=_install,
)

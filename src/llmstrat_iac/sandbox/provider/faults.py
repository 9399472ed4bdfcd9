"""AWS and provider errors as the messages that a user of the real provider would see.

One table of botocore errors, one place: `creating IAM Role (x): EntityAlreadyExists: …`.
"""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, ParamValidationError

from llmstrat_iac.errors import LlmstratError, SandboxError

NOT_FOUND_CODES = frozenset({
    "404", "NoSuchEntity", "NotFoundException", "NotFound", "ResourceNotFoundException", "NoSuchBucket", "NoSuchKey",
    "NoSuchPublicAccessBlockConfiguration", "ServerSideEncryptionConfigurationNotFoundError", "NoSuchTagSet",
    "NoSuchBucketPolicy", "ResourceNotFound", "DashboardNotFoundError", "NotFoundError", "LoadBalancerNotFound",
    "TargetGroupNotFound", "ListenerNotFound", "RuleNotFound", "NatGatewayNotFound", "InvalidPlacementGroup.Unknown",
    "FileSystemNotFound", "DataRepositoryAssociationNotFound",
})  # fmt: skip
# EC2 names what isn't there: `InvalidVpcID.NotFound`, `InvalidLaunchTemplateName.NotFoundException`.
_EC2_NOT_FOUND = (".NotFound", ".NotFoundException")


class ResourceError(SandboxError):
    """An operation on a resource failed; the message names what was being done to what."""


def is_not_found(error: Exception, *more: str) -> bool:
    """Whether AWS says that the thing isn't there; `more` are codes with that meaning in one API only."""
    if not isinstance(error, ClientError):
        return False
    code = error_code(error)
    return code in NOT_FOUND_CODES | {*more} or code.endswith(_EC2_NOT_FOUND)


def error_code(error: ClientError) -> str:
    """The AWS error code, without the namespace that some APIs put in front."""
    return str(error.response.get("Error", {}).get("Code", "")).rpartition("#")[2]


def is_expected(error: BaseException | None) -> bool:
    """Whether an error's text says all there is to say; anything else is a bug whose traceback is wanted."""
    return error is None or isinstance(error, (ClientError, BotoCoreError, LlmstratError))


def explain(error: Exception, endpoint_url: str) -> str:
    """The cause in one line."""
    if isinstance(error, ClientError):
        message = error.response.get("Error", {}).get("Message") or "no message"
        return f"{error_code(error)}: {message}"
    if isinstance(error, ParamValidationError):
        return "invalid request: " + " ".join(str(error).split())
    if isinstance(error, EndpointConnectionError):
        return (
            f"the sandbox's AWS emulator at {endpoint_url} doesn't answer; start it again with `llmstrat sandbox start`"
        )
    if isinstance(error, BotoCoreError):
        return f"request to the sandbox's AWS emulator at {endpoint_url} failed: {error}"
    if isinstance(error, LlmstratError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def failure(action: str, noun: str, name: str, error: Exception, endpoint_url: str) -> ResourceError:
    """The error of one operation: `deleting SNS Topic (arn): …`."""
    return ResourceError(f"{action} {noun} ({name}): {explain(error, endpoint_url)}")

"""Asks AWS, read-only and before a cent is spent, whether the spec can work in this account and region.

What may not be asked is a warning that says "unknown", never a failure: the deploying role may be a narrow one.
"""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError

from llmstrat_iac.components.account_log_role import current_log_role
from llmstrat_iac.components.leftovers import explain, is_absent, unless_absent
from llmstrat_iac.components.names import ACCOUNT_LOG_ROLE, GatewayNames
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.strategies.closed_api.bedrock_models import check_bedrock

_UNRESERVED_MINIMUM = 100
"""What Lambda keeps for functions without a reservation.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
"""


def preflight(resolved: ResolvedSpec, session: AwsSession) -> Iterator[Finding]:
    """Yield what AWS says about the account, the secrets, the models, the quota and the logging role."""
    try:
        identity = session.client("sts").get_caller_identity()
    except (ClientError, BotoCoreError) as error:
        yield Finding(
            "aws.credentials",
            Severity.ERROR,
            "",
            f"AWS doesn't accept the credentials: {explain(error)}",
            remedy="set AWS_PROFILE or the AWS_* variables, or log in with `aws sso login`",
        )
        return
    account, caller = identity["Account"], identity["Arn"]
    yield Finding("aws.account", Severity.INFO, "", f"deploys to account {account} as {caller}")
    yield from guarded("aws.secret", "providers", _check_secrets(resolved, session))
    yield from guarded("aws.bedrock", "providers", check_bedrock(resolved, session))
    yield from guarded("aws.concurrency", "endpoint.max_concurrency", _check_concurrency(resolved, session))
    yield from guarded("aws.api-logs", "", _check_log_role(session))


def guarded(rule: str, path: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings; what AWS may not be asked becomes a warning."""
    try:
        yield from findings
    except (ClientError, BotoCoreError) as error:
        yield Finding(
            rule,
            Severity.WARNING,
            path,
            f"unknown: AWS can't be asked ({explain(error)})",
            remedy="allow the read-only call to whoever deploys, or check it by hand",
        )


def _check_secrets(resolved: ResolvedSpec, session: AwsSession) -> Iterator[Finding]:
    for index, provider in enumerate(resolved.providers.values()):
        credentials = provider.entry.credentials
        if credentials is None or credentials.variable is not None:
            continue
        path = f"providers[{index}].credentials.secret"
        yield from guarded("aws.secret", path, _check_secret(credentials.secret, path, session))


def _check_secret(name: str, path: str, session: AwsSession) -> Iterator[Finding]:
    try:
        secret = session.client("secretsmanager").describe_secret(SecretId=name)
    except ClientError as error:
        if not is_absent(error):
            raise
        problem = "doesn't exist in this region"
    else:
        if "DeletedDate" not in secret:
            return
        problem = "is scheduled for deletion"
    yield Finding(
        "aws.secret",
        Severity.ERROR,
        path,
        f"the secret `{name}` {problem}",
        reason="the relay reads the vendor's API key from it at its first request",
        remedy=f"`aws secretsmanager create-secret --name {name} --secret-string file://key`, or use `env:VARIABLE`",
    )


def _check_concurrency(resolved: ResolvedSpec, session: AwsSession) -> Iterator[Finding]:
    spec = resolved.spec
    wanted = spec.endpoint.max_concurrency if spec.endpoint else None
    if wanted is None:
        return
    client = session.client("lambda")
    limit = client.get_account_settings()["AccountLimit"]
    relay = GatewayNames(resolved.stack_name).relay
    own = unless_absent(lambda: client.get_function_concurrency(FunctionName=relay)) or {}
    free = limit["UnreservedConcurrentExecutions"] + own.get("ReservedConcurrentExecutions", 0) - _UNRESERVED_MINIMUM
    if wanted > free:
        yield Finding(
            "aws.concurrency",
            Severity.ERROR,
            "endpoint.max_concurrency",
            f"{wanted} can't be reserved: {max(free, 0)} of the account's {limit['ConcurrentExecutions']} are free",
            reason=f"Lambda keeps {_UNRESERVED_MINIMUM} for functions without a reservation",
            remedy="lower it, leave it out, or ask for more of the Lambda quota `Concurrent executions` (L-B99A9384)",
        )


def _check_log_role(session: AwsSession) -> Iterator[Finding]:
    role = current_log_role(session.client("apigateway"))
    if role is None:
        yield Finding(
            "aws.api-logs",
            Severity.INFO,
            "",
            f"API Gateway has no role for logs in this region: `up` creates `{ACCOUNT_LOG_ROLE}` and sets it",
            reason="the setting is account-wide, so `down` leaves it",
        )

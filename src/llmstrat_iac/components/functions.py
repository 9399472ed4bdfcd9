"""The gateway's two Lambda functions with their log groups and roles.

Log groups exist before the functions, so that Lambda doesn't make its own without retention; the functions stay out of
any VPC, where their network interfaces would block a destroy for up to an hour.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.gateway_args import GatewayArgs
from llmstrat_iac.components.names import GatewayNames
from llmstrat_iac.components.policies import Statement, create_role, trust_document
from llmstrat_iac.relay import AUTHORIZER_HANDLER, LAMBDA_HANDLER, WRAPPER_FILE

_RUNTIME = "python3.13"
_ARCHITECTURE = "arm64"
_RELAY_TIMEOUT_SECONDS = 900  # the longest that API Gateway streams, and Lambda's own limit
_AUTHORIZER_TIMEOUT_SECONDS = 10


def create_relay(
    logical_name: str,
    args: GatewayArgs,
    names: GatewayNames,
    *,
    code: pulumi.Input[pulumi.Archive],
    statements: Sequence[Statement],
    opts: pulumi.ResourceOptions,
) -> tuple[aws.lambda_.Function, aws.cloudwatch.LogGroup]:
    """The function that forwards requests; its log group is the usage log."""
    log_group = create_log_group(logical_name, names.relay_log, args.log_retention_days, opts)
    role, policy = _function_role(
        logical_name, names, names.relay, log_group=log_group, statements=statements, opts=opts
    )
    function = aws.lambda_.Function(
        logical_name,
        aws.lambda_.FunctionArgs(
            name=names.relay,
            description="Forwards OpenAI-format requests to model vendors and streams the answers",
            role=role.arn,
            runtime=_RUNTIME,
            architectures=[_ARCHITECTURE],
            handler=LAMBDA_HANDLER,
            code=code,
            timeout=_RELAY_TIMEOUT_SECONDS,
            memory_size=args.relay_memory_mb,
            reserved_concurrent_executions=args.max_concurrency,
            environment=aws.lambda_.FunctionEnvironmentArgs(
                # Python's managed runtime can't stream, so the wrapper starts our own loop over the Runtime API.
                # https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
                variables={"AWS_LAMBDA_EXEC_WRAPPER": f"/var/task/{WRAPPER_FILE}"}
            ),
            logging_config=_logging(log_group),
        ),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[policy])),
    )
    return function, log_group


def create_authorizer(
    logical_name: str,
    args: GatewayArgs,
    names: GatewayNames,
    *,
    code: pulumi.Input[pulumi.Archive],
    opts: pulumi.ResourceOptions,
) -> aws.lambda_.Function:
    """The function that turns a consumer's key into a policy and the usage plan's key."""
    log_group = create_log_group(logical_name, names.authorizer_log, args.log_retention_days, opts)
    role, policy = _function_role(logical_name, names, names.authorizer, log_group=log_group, statements=(), opts=opts)
    return aws.lambda_.Function(
        logical_name,
        aws.lambda_.FunctionArgs(
            name=names.authorizer,
            description="Checks consumers' keys by digest",
            role=role.arn,
            runtime=_RUNTIME,
            architectures=[_ARCHITECTURE],
            handler=AUTHORIZER_HANDLER,
            code=code,
            timeout=_AUTHORIZER_TIMEOUT_SECONDS,
            memory_size=128,
            logging_config=_logging(log_group),
        ),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[policy])),
    )


def create_log_group(
    logical_name: str, name: str, retention_days: int, opts: pulumi.ResourceOptions
) -> aws.cloudwatch.LogGroup:
    """A log group that forgets after `retention_days`."""
    return aws.cloudwatch.LogGroup(
        logical_name, aws.cloudwatch.LogGroupArgs(name=name, retention_in_days=retention_days), opts=opts
    )


def _function_role(
    logical_name: str,
    names: GatewayNames,
    name: str,
    *,
    log_group: aws.cloudwatch.LogGroup,
    statements: Sequence[Statement],
    opts: pulumi.ResourceOptions,
) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
    write_log = Statement(
        actions=("logs:CreateLogStream", "logs:PutLogEvents"),
        # Stream names are made by Lambda: the wildcard spans the streams of this one group.
        resources=(pulumi.Output.concat(log_group.arn, ":*"),),
    )
    return create_role(
        logical_name,
        name=name,
        path=names.role_path,
        description=f"Role of the Lambda function {name}",
        trust=trust_document("lambda.amazonaws.com"),
        statements=[write_log, *statements],
        opts=opts,
    )


def _logging(log_group: aws.cloudwatch.LogGroup) -> aws.lambda_.FunctionLoggingConfigArgs:
    # WARN drops the three lines that Lambda itself would add to every request.
    return aws.lambda_.FunctionLoggingConfigArgs(
        log_format="JSON", application_log_level="INFO", system_log_level="WARN", log_group=log_group.name
    )

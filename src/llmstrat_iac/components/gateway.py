"""The gateway: one OpenAI-compatible endpoint in front of one or more closed models. See docs/architecture.md.

Usable from any Pulumi program: give it `GatewayArgs` and, in the options, the AWS provider to use. Everything belongs
to it and goes with it, but for the account-wide role for API Gateway's logs, which is adopted or left behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.access import create_plans, current_keys, key_ring, live_keys
from llmstrat_iac.components.account_log_role import AccountLogRole
from llmstrat_iac.components.alerts import create_alerts
from llmstrat_iac.components.expiry import STOP_FUNCTION, ExpiryNames, StopCall, create_expiry
from llmstrat_iac.components.function_code import authorizer_archive, relay_archive
from llmstrat_iac.components.functions import create_authorizer, create_relay
from llmstrat_iac.components.gateway_args import GatewayArgs, RouteArgs
from llmstrat_iac.components.key_seed import KeySeed
from llmstrat_iac.components.names import GatewayNames
from llmstrat_iac.components.policies import Account, Statement
from llmstrat_iac.components.provider_keys import ProviderKeys
from llmstrat_iac.components.relay_config import relay_json
from llmstrat_iac.components.rest_api import RestApiBuilder


class Gateway(pulumi.ComponentResource):
    """An OpenAI-compatible endpoint with consumers' keys, limits, budgets, fallbacks and a usage log."""

    base_url: pulumi.Output[str]
    """What clients set as their base URL; ends in `/v1`."""
    keys: pulumi.Output[dict[str, str]]
    """Consumer to current key; a Pulumi secret."""
    relay_function: pulumi.Output[str]
    authorizer_function: pulumi.Output[str]
    usage_log_group: pulumi.Output[str]
    budget_table: pulumi.Output[str | None]
    """Table of the token budgets; None if no consumer has one."""
    log_role_arn: pulumi.Output[str]
    """The account-wide role for API Gateway's logs, which a destroy leaves."""

    def __init__(self, name: str, args: GatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llmstrat:gateway:Gateway", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        names = GatewayNames(args.prefix)
        account = Account.current(args.region, pulumi.InvokeOutputOptions(parent=self))

        table = _budget_table(name, args, names, child)
        secrets = ProviderKeys(name, names, account, args.providers, child)
        relay, usage_log = create_relay(
            f"{name}-relay",
            args,
            names,
            code=_relay_code(args, secrets, table),
            statements=[*secrets.statements, *_budget_statements(table), *_provider_statements(args, account)],
            opts=child,
        )
        live, seed = live_keys(args.consumers), KeySeed(name, child)
        authorizer = create_authorizer(
            f"{name}-authorizer", args, names, code=key_ring(live, seed).apply(authorizer_archive), opts=child
        )
        log_role = AccountLogRole(name, region=args.region, opts=child)
        api = RestApiBuilder(
            name, args, names, relay=relay, authorizer=authorizer, log_role=log_role, opts=child
        ).build()
        create_plans(name, args, live, seed=seed, api=api, opts=child)
        create_alerts(name, args, names, child)
        if args.expires is not None:
            call = {"FunctionName": relay.name, "ReservedConcurrentExecutions": 0}
            stop = StopCall(STOP_FUNCTION, names.expiry_schedule, "the relay", call, relay.arn)
            expiry = ExpiryNames(names.schedule_group, names.expiry_role, names.role_path)
            create_expiry(name, expiry, account, at=args.expires, calls=[stop], opts=child)

        self.base_url = api.stage.invoke_url
        self.keys = current_keys(live, seed)
        self.relay_function = relay.name
        self.authorizer_function = authorizer.name
        self.usage_log_group = usage_log.name
        self.budget_table = pulumi.Output.from_input(None if table is None else table.name)
        self.log_role_arn = log_role.role_arn
        self.register_outputs(
            {
                "base_url": self.base_url,
                "keys": self.keys,
                "relay_function": self.relay_function,
                "authorizer_function": self.authorizer_function,
                "usage_log_group": self.usage_log_group,
                "budget_table": self.budget_table,
                "log_role_arn": self.log_role_arn,
            }
        )


def _budget_table(
    name: str, args: GatewayArgs, names: GatewayNames, opts: pulumi.ResourceOptions
) -> aws.dynamodb.Table | None:
    """The token counters; DynamoDB encrypts at rest with a key of its own."""
    if all(consumer.tokens_per_month is None for consumer in args.consumers):
        return None
    return aws.dynamodb.Table(
        name,
        aws.dynamodb.TableArgs(
            name=names.budget_table,
            billing_mode="PAY_PER_REQUEST",
            hash_key="id",
            attributes=[aws.dynamodb.TableAttributeArgs(name="id", type="S")],
            ttl=aws.dynamodb.TableTtlArgs(attribute_name="expires", enabled=True),
        ),
        opts=opts,
    )


def _relay_code(
    args: GatewayArgs, secrets: ProviderKeys, table: aws.dynamodb.Table | None
) -> pulumi.Output[pulumi.FileArchive]:
    table_name = None if table is None else table.name
    routes = {alias: [vars(route) for route in tried] for alias, tried in args.models.items()}
    urls = {name: provider.base_url for name, provider in args.providers.items()}
    return pulumi.Output.all(secrets.references, table_name, routes, urls).apply(
        lambda known: relay_archive(relay_json(_settled(args, known[2], known[3]), known[0], known[1]))
    )


def _settled(
    args: GatewayArgs, routes: Mapping[str, Sequence[Mapping[str, Any]]], urls: Mapping[str, str | None]
) -> GatewayArgs:
    """The arguments with models' ids and providers' URLs that are known."""
    return replace(
        args,
        models={alias: [RouteArgs(**route) for route in tried] for alias, tried in routes.items()},
        providers={name: replace(each, base_url=urls[name]) for name, each in args.providers.items()},
    )


def _budget_statements(table: aws.dynamodb.Table | None) -> list[Statement]:
    return [] if table is None else [Statement(("dynamodb:UpdateItem",), (table.arn,))]


def _provider_statements(args: GatewayArgs, account: Account) -> list[Statement]:
    return [
        Statement(permission.actions, [account.fill(resource) for resource in permission.resources])
        for _, provider in sorted(args.providers.items())
        for permission in provider.permissions
    ]

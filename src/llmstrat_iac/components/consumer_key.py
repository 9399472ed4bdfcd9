"""A consumer's key in API Gateway, with its place in a usage plan, as one Pulumi resource.

The official provider needs two resources for it, each with the key in its state. Pulumi writes the whole state after
every step, so that with a thousand consumers the state's size times the number of steps decides how long `up` takes:
one small resource a consumer is the difference between a minute and an hour (docs/performance.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pulumi
from pulumi import dynamic

from llmstrat_iac.components.key_seed import digest_of

_REPLACING = ("region", "name", "sha256")
_UPDATING = ("usage_plan_id", "tags")


class ConsumerKeyProvider(dynamic.ResourceProvider):
    """Reaches API Gateway by the environment's credentials and endpoint. The key itself is in the inputs only."""

    # There is nothing secret in the pickled provider, and decrypting it once a key would slow large stacks down.
    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        from llmstrat_iac.components.key_registration import KeyRequest, register

        request = KeyRequest(
            name=props["name"],
            description="Consumer's key, made by llmstrat-iac",
            value=props["value"],
            usage_plan_id=props["usage_plan_id"],
            tags=props["tags"],
        )
        return dynamic.CreateResult(register(_client(props["region"]), request), _outputs(props))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        wanted = _outputs(news)
        replaces = [name for name in _REPLACING if olds.get(name) != wanted[name]]
        updates = [name for name in _UPDATING if olds.get(name) != wanted[name]]
        return dynamic.DiffResult(changes=bool(replaces or updates), replaces=replaces)

    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        from llmstrat_iac.components.key_registration import enrol, retag, withdraw

        client = _client(news["region"])
        if olds["usage_plan_id"] != news["usage_plan_id"]:
            if olds["usage_plan_id"]:
                withdraw(client, id_, olds["usage_plan_id"])
            enrol(client, id_, news["usage_plan_id"])
        if olds["tags"] != news["tags"]:
            retag(client, _arn(news["region"], id_), olds["tags"], news["tags"])
        return dynamic.UpdateResult(_outputs(news))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        from llmstrat_iac.components.key_registration import look_up

        found = look_up(_client(props["region"]), id_, props["usage_plan_id"])
        if found is None:
            return dynamic.ReadResult(None, {})
        return dynamic.ReadResult(id_, {**props, "usage_plan_id": found.usage_plan_id, "tags": dict(found.tags)})

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        from llmstrat_iac.components.key_registration import unregister

        unregister(_client(props["region"]), id_)


def _outputs(props: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: props[name] for name in ("region", "name", "usage_plan_id", "tags")}
    return kept | {"sha256": digest_of(props["value"])}


@cache
def _client(region: str) -> Any:
    import boto3
    from botocore.config import Config

    # CreateApiKey is limited to five a second an account: adaptive retries wait instead of failing.
    return boto3.client("apigateway", region, config=Config(retries={"mode": "adaptive", "max_attempts": 12}))


def _arn(region: str, key_id: str) -> str:
    import boto3

    partition = boto3.Session().get_partition_for_region(region)
    return f"arn:{partition}:apigateway:{region}::/apikeys/{key_id}"


_PROVIDER = ConsumerKeyProvider()


class ConsumerKey(dynamic.Resource, module="llmstrat", name="ConsumerKey"):
    """One generation of a consumer's key, registered with API Gateway."""

    sha256: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        key_name: str,
        value: pulumi.Input[str],
        usage_plan_id: pulumi.Input[str],
        region: str,
        tags: Mapping[str, str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "name": key_name,
            "value": pulumi.Output.secret(value),
            "usage_plan_id": usage_plan_id,
            "region": region,
            "tags": dict(tags),
            "sha256": None,
        }
        super().__init__(_PROVIDER, name, props, opts)

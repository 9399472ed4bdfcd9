"""All consumers' keys in API Gateway, each with its place in a usage plan, as one Pulumi resource.

Pulumi writes the whole state after every step, so that resources for each consumer make `up` grow with their square: a
thousand took an hour of processor time and gigabytes. What is done to which key is therefore decided here, and every
step may be repeated: an `up` that was cut off is made good by the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pulumi
from pulumi import dynamic

from llmstrat_iac.components.key_seed import derive_key, digest_of

_DESCRIPTION = "A consumer's key, made by llmstrat-iac"


class ConsumerKeysProvider(dynamic.ResourceProvider):
    """Reaches API Gateway by the environment's credentials and endpoint. No key is in the outputs, only digests."""

    # There is nothing secret in the pickled provider; the seed is an input, which Pulumi encrypts.
    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        nothing = {"region": props["region"], "tags": {}, "keys": {}}
        return dynamic.CreateResult(f"{props['region']}-consumer-keys", _reconcile(nothing, props))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        moved = olds.get("region") != news.get("region")
        changes = moved or olds.get("tags") != news.get("tags") or _shape(olds["keys"]) != _wanted_shape(news)
        return dynamic.DiffResult(changes=changes, replaces=["region"] if moved else [])

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        return dynamic.UpdateResult(_reconcile(olds, news))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        from llmstrat_iac.components.key_registration import look_up

        present = look_up(_client(props["region"]), {name: _known(key) for name, key in props["keys"].items()})
        keys = {name: props["keys"][name] | {"usage_plan_id": plan} for name, plan in present.items()}
        return dynamic.ReadResult(id_, {**props, "keys": keys})

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        _reconcile(props, {"region": props["region"], "tags": {}, "keys": {}, "seed": ""})


def _reconcile(olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    from llmstrat_iac.components.key_registration import KeyRequest, Retag, reconcile

    region, tags = news["region"], news["tags"]
    requests = {
        name: KeyRequest(name, _DESCRIPTION, _value(news["seed"], key), key["usage_plan_id"], tags)
        for name, key in news["keys"].items()
    }
    before = {name: _known(key) for name, key in olds["keys"].items()}
    retag = None if olds["tags"] == tags else Retag(_arn_prefix(region), olds["tags"], tags)
    known = reconcile(_client(region), before, requests, retag)
    keys = {
        name: {"id": each.id, "usage_plan_id": each.usage_plan_id, "sha256": each.sha256}
        for name, each in known.items()
    }
    return {"region": region, "tags": tags, "keys": keys}


def _known(key: Mapping[str, str]) -> Any:
    from llmstrat_iac.components.key_registration import KnownKey

    return KnownKey(key["id"], key["usage_plan_id"], key["sha256"])


def _value(seed: str, key: Mapping[str, Any]) -> str:
    return derive_key(seed, key["consumer"], int(key["generation"]))


def _shape(keys: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    return {name: (key["sha256"], key["usage_plan_id"]) for name, key in keys.items()}


def _wanted_shape(news: Mapping[str, Any]) -> dict[str, tuple[str, str]] | None:
    """None if a preview doesn't know it yet: the seed is then no hex, or the keys are no mapping."""
    try:
        return {
            name: (digest_of(_value(news["seed"], key)), key["usage_plan_id"]) for name, key in news["keys"].items()
        }
    except (AttributeError, ValueError):
        return None


@cache
def _client(region: str) -> Any:
    import boto3
    from botocore.config import Config

    # CreateApiKey is limited to five a second an account: adaptive retries wait instead of failing.
    return boto3.client("apigateway", region, config=Config(retries={"mode": "adaptive", "max_attempts": 12}))


def _arn_prefix(region: str) -> str:
    import boto3

    return f"arn:{boto3.Session().get_partition_for_region(region)}:apigateway:{region}::/apikeys/"


_PROVIDER = ConsumerKeysProvider()


class ConsumerKeys(dynamic.Resource, module="llmstrat", name="ConsumerKeys"):
    """Every live key of a gateway, registered with API Gateway."""

    def __init__(
        self,
        name: str,
        *,
        seed: pulumi.Input[str],
        keys: Mapping[str, Mapping[str, Any]],
        region: str,
        tags: Mapping[str, str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`keys` maps the keys' names to their `consumer`, `generation` and `usage_plan_id`."""
        props = {"seed": pulumi.Output.secret(seed), "keys": keys, "region": region, "tags": dict(tags)}
        super().__init__(_PROVIDER, name, props, opts)

"""The secret that a gateway's consumer keys are derived from: random, made once, kept as a Pulumi secret in the state.

Keys are derived and not drawn one by one so that they are known before API Gateway has them (the authorizer's package
needs their digests), and so that a registration that was cut off can be repeated with the same keys. A dynamic
resource, because a provider plugin for random values can't be had from a package registry and both doors need one.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
from typing import Any

import pulumi
from pulumi import dynamic

KEY_PREFIX = "skllmstrat"
_ALPHABET = string.digits + string.ascii_letters
_DIGITS = 43
"""Enough for 256 bits. API Gateway takes 20 to 128 letters and digits as a key, so the usual dashes can't be used."""
_PURPOSE = b"llmstrat consumer key 1"


def derive_key(seed: str, consumer: str, generation: int) -> str:
    """The consumer's key of a generation; tells nothing about the seed or any other key.

    A generation's key is always the same, so generations must only ever go up.
    """
    message = b"\0".join((_PURPOSE, consumer.encode(), str(generation).encode()))
    number = int.from_bytes(hmac.digest(bytes.fromhex(seed), message, "sha256"))
    characters = []
    for _ in range(_DIGITS):
        number, digit = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[digit])
    return KEY_PREFIX + "".join(characters)


def digest_of(key: str) -> str:
    """The SHA-256 by which the authorizer knows a key; no secret, since keys can't be guessed."""
    return hashlib.sha256(key.encode()).hexdigest()


class KeySeedProvider(dynamic.ResourceProvider):
    """Draws a seed; nothing ever changes one."""

    serialize_as_secret_always = False

    def create(self, _props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(secrets.token_hex(8), {"value": secrets.token_hex(32)})

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        return dynamic.DiffResult(changes=False)


_PROVIDER = KeySeedProvider()


class KeySeed(dynamic.Resource, module="llmstrat", name="KeySeed"):
    """A gateway's seed. Replacing it (`pulumi up --replace`) gives every consumer another key at once."""

    value: pulumi.Output[str]
    """256 bits in hex; a Pulumi secret."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["value"])
        super().__init__(_PROVIDER, name, {"value": None}, pulumi.ResourceOptions.merge(opts, secret))

"""A consumer's key as a Pulumi resource: made once from the system's random source, kept as a secret in the state.

A dynamic resource, because a provider plugin for random values can't be had from a package registry and both doors
need one. This module is imported by the provider's process, so it imports pulumi only.
"""

from __future__ import annotations

import hashlib
import secrets
import string
from typing import Any

import pulumi
from pulumi import dynamic

KEY_PREFIX = "skllmstrat"
_ALPHABET = string.ascii_letters + string.digits
_RANDOM_LENGTH = 43
"""256 bits. API Gateway takes 20 to 128 letters and digits as a key's value, so the usual dashes can't be used."""
_INPUTS = ("consumer", "generation")


class ConsumerKeyProvider(dynamic.ResourceProvider):
    """Creates keys; every change of consumer or generation is another key."""

    # There is nothing secret in the pickled provider, and decrypting it once a key would slow large stacks down.
    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        value = generate_key()
        outputs = {name: props[name] for name in _INPUTS} | {
            "value": value,
            "sha256": hashlib.sha256(value.encode()).hexdigest(),
        }
        return dynamic.CreateResult(f"{props['consumer']}-{secrets.token_hex(8)}", outputs)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        changed = [name for name in _INPUTS if olds.get(name) != news.get(name)]
        return dynamic.DiffResult(changes=bool(changed), replaces=changed)


def generate_key() -> str:
    """A new random key."""
    return KEY_PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))


_PROVIDER = ConsumerKeyProvider()


class ConsumerKey(dynamic.Resource, module="llmstrat", name="ConsumerKey"):
    """One generation of a consumer's key."""

    value: pulumi.Output[str]
    """The key; a Pulumi secret."""
    sha256: pulumi.Output[str]
    """Its digest in hex; not a secret, since the key can't be guessed."""

    def __init__(
        self, name: str, *, consumer: str, generation: int, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(
            _PROVIDER,
            name,
            {"consumer": consumer, "generation": generation, "value": None, "sha256": None},
            pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(additional_secret_outputs=["value"])),
        )

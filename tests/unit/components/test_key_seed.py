"""Consumers' keys and the seed that they come from."""

from __future__ import annotations

import hashlib
import re

from llmstrat_iac.components.key_seed import KeySeedProvider, derive_key, digest_of

SEED, OTHER = "00" * 32, "01" * 32


def test_a_key_fits_api_gateway_and_is_always_the_same() -> None:
    key = derive_key(SEED, "web", 1)
    assert re.fullmatch(r"skllmstrat[A-Za-z0-9]{43}", key)
    assert (
        key == "skllmstratk1avP0VMG9Ik3pXYOFP2enJrOPSjrT1XVYdRtEXx3gl"
    )  # a change here would change every user's keys


def test_every_consumer_generation_and_seed_has_another_key() -> None:
    keys = {
        derive_key(seed, consumer, generation)
        for seed in (SEED, OTHER)
        for consumer in ("web", "web1", "batch")
        for generation in (1, 2, 11)
    }
    assert len(keys) == 2 * 3 * 3


def test_the_digest_is_what_the_authorizer_computes() -> None:
    key = derive_key(SEED, "web", 1)
    assert digest_of(key) == hashlib.sha256(key.encode()).hexdigest()


def test_a_seed_is_random_and_nothing_changes_it() -> None:
    provider = KeySeedProvider()
    made = [provider.create({}) for _ in range(3)]
    seeds = {each.outs["value"] for each in made if each.outs}
    assert len(seeds) == len({each.id for each in made}) == 3
    assert all(len(bytes.fromhex(seed)) == 32 for seed in seeds)
    assert provider.diff("id", {"value": SEED}, {}).changes is False

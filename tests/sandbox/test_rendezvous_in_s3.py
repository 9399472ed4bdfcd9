"""Nodes of a cluster agree by objects in S3: conditional writes and listings, by boto3 against the emulator."""

from __future__ import annotations

import pytest
from sandbox_kit import Clients

from llmstrat_iac.cluster.generation import Generation, Member
from llmstrat_iac.cluster.rendezvous import Rendezvous
from llmstrat_iac.sandbox.environment import ACCOUNT, REGION
from llmstrat_iac.trainer.store import Store, open_store

BUCKET = "rendezvous-artifacts"
A, B = Member("i-1", "10.0.0.1", "x"), Member("i-2", "10.0.0.2", "y")


@pytest.fixture
def store(emulator_url: str, aws: Clients, monkeypatch: pytest.MonkeyPatch) -> Store:
    aws("s3").create_bucket(Bucket=BUCKET)
    for name, value in {
        "AWS_ENDPOINT_URL": emulator_url,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": REGION,
    }.items():
        monkeypatch.setenv(name, value)
    return open_store(f"s3://{BUCKET}/pretraining/0123456789ab-1")


def test_two_nodes_see_each_other_and_agree_once(store: Store) -> None:
    first, second = (Rendezvous(store, member, 1.0, 100.0, complain=pytest.fail) for member in (A, B))
    for each in (first, second):
        each.show(0)
    first.look()
    second.show(1)
    assert set(first.look().live) == {A, B}

    assert first.propose((A, B), None, None)
    assert not second.propose((B,), 10, None)
    assert second.look().generation == Generation(1, (A, B), None)
    assert second.end(Generation(1, (A, B), None), "lost i-1")
    assert not first.end(Generation(1, (A, B), None), "more nodes have come")
    assert first.look().ended


def test_a_listing_tells_size_and_change(store: Store) -> None:
    store.write("checkpoints/step-1/__0_0.distcp", "four")
    before = store.entries("checkpoints/")["checkpoints/step-1/__0_0.distcp"]
    assert before.size == 4
    store.write("checkpoints/step-1/__0_0.distcp", "five")
    assert store.entries("checkpoints/")["checkpoints/step-1/__0_0.distcp"].version != before.version

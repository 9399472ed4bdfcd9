"""Token budgets: reserved before, settled after, and closed when in doubt."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.stub import Stubber
from relay_kit import Desk, config, desk, error_of, events
from relay_vendor import DONE, Vendor, VendorHandler, chunk, completion, drop, refuse, stream, usage_chunk, whole

from llmstrat_iac.relay.app import create_relay
from llmstrat_iac.relay.budget import MemoryBudget, item_id, month_end
from llmstrat_iac.relay.config import Consumer
from llmstrat_iac.relay.dynamodb_budget import DynamoBudget
from llmstrat_iac.relay.errors import ConfigError, RelayError
from llmstrat_iac.relay.exchange import Call, Endpoint
from llmstrat_iac.relay.tokens import DEFAULT_COMPLETION, estimate

NOW = datetime(2026, 12, 30, 12, tzinfo=UTC).timestamp()
ITEM = "web#202612"
ASKED = {"max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}


def limited(vendor: Vendor, tokens: int = 1000) -> tuple[Desk, MemoryBudget]:
    budget = MemoryBudget()
    consumers = {"web": {"models": ["gpt-main"], "tokens_per_month": tokens}}
    return desk(config(vendor.url, consumers=consumers, budget_table="t"), budget=budget, now=NOW), budget


def test_the_real_usage_replaces_the_reservation(vendor: Vendor) -> None:
    vendor.will(whole(completion(prompt=11, tokens=7)))
    made, budget = limited(vendor)
    assert made.chat(**ASKED).status == 200
    assert budget.spent == {ITEM: 18}


def test_it_is_reserved_before_the_vendor_is_asked(vendor: Vendor) -> None:
    made, budget = limited(vendor)
    seen: list[int] = []

    def answer(handler: Any) -> None:
        seen.append(budget.spent[ITEM])
        whole(completion())(handler)

    vendor.will(answer)
    made.chat(**ASKED)
    assert 100 < seen[0] < 150


def test_a_stream_settles_at_its_end(vendor: Vendor) -> None:
    vendor.will(stream(chunk("a"), chunk(None, finish="stop"), usage_chunk(9, 2), DONE))
    made, budget = limited(vendor)
    events(made.chat(stream=True, **ASKED))
    assert budget.spent == {ITEM: 11}


@pytest.mark.parametrize(
    "answer", [stream(chunk("a"), dies=True), stream(chunk("a"), chunk(None, finish="stop"), DONE)]
)
def test_unknown_usage_keeps_the_reservation(vendor: Vendor, answer: Any) -> None:
    vendor.will(answer)
    made, budget = limited(vendor)
    events(made.chat(stream=True, **ASKED))
    assert budget.spent[ITEM] > 100


def cut_short(handler: VendorHandler) -> None:
    handler.start(200, content_type="application/json", content_length="500")
    handler.wfile.write(b'{"model":')
    handler.close_connection = True


def test_a_broken_whole_answer_keeps_the_reservation_too(vendor: Vendor) -> None:
    vendor.will(cut_short)
    made, budget = limited(vendor)
    assert error_of(made.chat(**ASKED))["code"] == "upstream_broken"
    assert budget.spent[ITEM] > 100, "the vendor may have counted it"


@pytest.mark.parametrize("answer", [refuse(400), refuse(429), refuse(500), drop])
def test_a_refused_request_costs_nothing(vendor: Vendor, answer: Any) -> None:
    vendor.will(answer)
    made, budget = limited(vendor)
    assert made.chat(**ASKED).status >= 400
    assert budget.spent == {ITEM: 0}


def test_an_exhausted_budget_is_429_until_the_month_ends(vendor: Vendor) -> None:
    vendor.will(whole(completion(prompt=500, tokens=480)))
    made, _ = limited(vendor)
    assert made.chat(**ASKED).status == 200
    response = made.chat(**ASKED)
    assert response.status == 429
    error = error_of(response)
    assert (error["code"], error["type"]) == ("insufficient_quota", "insufficient_quota")
    assert "20 of 1000 tokens left" in error["message"]
    assert dict(response.headers)["retry-after"] == str(36 * 3600 + 1)
    assert len(vendor.received) == 1


def test_parallel_requests_cannot_overdraw(vendor: Vendor) -> None:
    budget = MemoryBudget()
    consumer = Consumer("web", frozenset(), 1000)
    got: list[bool] = []

    def take() -> None:
        for _ in range(50):
            try:
                budget.reserve(consumer, 7, NOW)
                got.append(True)
            except RelayError:
                pass

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1000 // 7


def test_a_limit_without_a_table_is_refused_at_start() -> None:
    limit = {"web": {"models": ["gpt-main"], "tokens_per_month": 5}}
    with pytest.raises(ConfigError, match="budget_table: missing"):
        create_relay(config(consumers=limit))


def test_months_are_utc_and_roll_over() -> None:
    assert item_id("web", NOW) == ITEM
    assert month_end(NOW) == datetime(2027, 1, 1, tzinfo=UTC).timestamp()


def call(endpoint: Endpoint = Endpoint.CHAT, **document: Any) -> Call:
    return Call(endpoint, "m", {"model": "m"} | document, False, "r", 0.0)


def test_estimates_are_upper_bounds() -> None:
    english = "The quick brown fox jumps over the lazy dog. " * 100  # ten words and marks a time: about 1,000 tokens
    assert 1000 + 50 <= estimate(call(messages=[{"role": "user", "content": english}], max_tokens=50)) < 2000
    assert estimate(call(messages=[])) >= DEFAULT_COMPLETION
    assert estimate(call(messages=[], max_completion_tokens=100, n=3)) >= 300
    assert estimate(call(Endpoint.EMBEDDINGS, input=["hello"] * 3)) < 40
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 3_000_000}}
    assert estimate(call(messages=[{"role": "user", "content": [picture]}], max_tokens=1)) < 2500


@pytest.mark.parametrize("depth", [400, 900, 960, 990, 5_000])
def test_a_deep_body_is_never_a_crash(depth: int) -> None:
    limit = {"web": {"models": ["gpt-main"], "tokens_per_month": 10**9}}
    made = desk(config(consumers=limit, budget_table="t"), budget=MemoryBudget())
    response = made.post(b'{"model": "gpt-main", "messages": ' + b"[" * depth + b"]" * depth + b"}")
    assert (response.status, error_of(response)["code"]) in [(400, "invalid_json"), (502, "upstream_unreachable")]


CONSUMER = Consumer("web", frozenset(), 1000)


def client(**options: Any) -> Any:
    session = botocore.session.get_session()
    session.set_credentials("test", "test")
    return session.create_client("dynamodb", region_name="us-east-1", **options)


def reservation_call(tokens: int) -> dict[str, Any]:
    return {
        "TableName": "budgets",
        "Key": {"id": {"S": ITEM}},
        "UpdateExpression": "SET #expires = :expires ADD #tokens :tokens",
        "ConditionExpression": "attribute_not_exists(#tokens) OR #tokens <= :room",
        "ExpressionAttributeNames": {"#tokens": "tokens", "#expires": "expires"},
        "ExpressionAttributeValues": {
            ":tokens": {"N": str(tokens)},
            ":room": {"N": str(1000 - tokens)},
            ":expires": {"N": str(int(datetime(2027, 2, 10, tzinfo=UTC).timestamp()))},
        },
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def test_dynamodb_reserves_by_condition_and_settles_by_difference() -> None:
    dynamodb = client()
    attempts: list[int] = []

    def counted(number: int) -> Any:
        attempts.append(number)
        return dynamodb

    budget = DynamoBudget("budgets", counted)
    settlement = {
        "TableName": "budgets",
        "Key": {"id": {"S": ITEM}},
        "UpdateExpression": "ADD #tokens :change",
        "ExpressionAttributeNames": {"#tokens": "tokens"},
        "ExpressionAttributeValues": {":change": {"N": "-82"}},
    }
    with Stubber(dynamodb) as stub:
        stub.add_response("update_item", {}, reservation_call(100))
        stub.add_response("update_item", {}, settlement)
        budget.settle(budget.reserve(CONSUMER, 100, NOW), 18)
        stub.assert_no_pending_responses()
    assert attempts == [3, 1], "a settlement is not idempotent, so it is sent once"


def test_dynamodb_refuses_what_does_not_fit() -> None:
    dynamodb = client()
    budget = DynamoBudget("budgets", lambda attempts: dynamodb)
    with Stubber(dynamodb) as stub:
        stub.add_client_error(
            "update_item",
            "ConditionalCheckFailedException",
            modeled_fields={"Item": {"id": {"S": ITEM}, "tokens": {"N": "950"}}},
        )
        with pytest.raises(RelayError, match="50 of 1000 tokens left") as caught:
            budget.reserve(CONSUMER, 100, NOW)
    assert caught.value.status == 429
    with pytest.raises(RelayError, match="1000 of 1000 tokens left"):
        budget.reserve(CONSUMER, 1001, NOW)


def test_what_cannot_be_counted_is_not_served(vendor: Vendor, capfd: pytest.CaptureFixture[str]) -> None:
    quick = Config(connect_timeout=30, read_timeout=30, retries={"total_max_attempts": 1})
    dead = client(endpoint_url="http://127.0.0.1:9", config=quick)
    vendor.will(whole(completion()))
    limit = {"web": {"models": ["gpt-main"], "tokens_per_month": 1000}}
    made = desk(config(vendor.url, consumers=limit, budget_table="t"), budget=DynamoBudget("t", lambda attempts: dead))
    response = made.chat(**ASKED)
    assert (response.status, error_of(response)["code"]) == (503, "budget_unavailable")
    assert vendor.received == []
    failure = json.loads(capfd.readouterr().err)
    assert failure == {"event": "budget_failure", "step": "reserve", "error": "EndpointConnectionError"}


def test_without_credentials_it_fails_closed_too() -> None:
    def broken(attempts: int) -> Any:
        raise RuntimeError("no credentials")

    with pytest.raises(RelayError, match="can't be checked") as caught:
        DynamoBudget("t", broken).reserve(CONSUMER, 1, NOW)
    assert caught.value.status == 503


def test_a_failed_settlement_is_not_the_clients_problem() -> None:
    dynamodb = client()
    budget = DynamoBudget("budgets", lambda attempts: dynamodb)
    with Stubber(dynamodb) as stub:
        stub.add_response("update_item", {}, reservation_call(100))
        stub.add_client_error("update_item", "ProvisionedThroughputExceededException")
        budget.settle(budget.reserve(CONSUMER, 100, NOW), 18)


def test_a_consumer_without_a_limit_needs_no_table(vendor: Vendor) -> None:
    vendor.will(whole(completion()))

    def untouchable(attempts: int) -> Any:
        raise AssertionError("DynamoDB was asked")

    made = desk(config(vendor.url, budget_table="t"), budget=DynamoBudget("t", untouchable))
    assert made.chat(**ASKED).status == 200

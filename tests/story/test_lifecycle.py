"""Keys rotate with both working for a while, changes keep the URL, and `down` leaves nothing but a receipt."""

from __future__ import annotations

import json

import boto3
import openai
import pytest
from story_kit import SPEC, User


def answers(user: User, key: str) -> bool:
    try:
        user.client(key=key).models.list()
    except openai.AuthenticationError:
        return False
    return True


@pytest.mark.usefixtures("deployed")
def test_rotation_overlaps_and_then_ends(user: User) -> None:
    first = user.outputs()["keys"]["web"]
    user.ok("keys", "rotate", user.spec, "web", "--sandbox", "--yes")
    assert "# the shop" in user.spec.read_text()
    second = user.outputs()["keys"]["web"]
    assert first != second
    assert answers(user, first)
    assert answers(user, second)

    user.ok("keys", "rotate", user.spec, "web", "--overlap", "0", "--sandbox", "--yes")
    third = user.outputs()["keys"]["web"]
    assert answers(user, third)
    assert not answers(user, first)
    assert not answers(user, second)
    assert user.ok("keys", "show", user.spec, "web", "--sandbox").out == third + "\n"
    assert "web: key 3" in user.ok("keys", "list", user.spec).out


@pytest.mark.usefixtures("deployed")
def test_a_change_keeps_url_and_keys(user: User) -> None:
    before = user.outputs()
    text = user.spec.read_text()
    user.spec.write_text(text.replace("models: [chat, backup]", "models: [chat, backup, hidden]"))
    changes = user.sandboxed("up", "--yes", "--json").json["changes"]
    assert changes.keys() == {"same", "update"}
    after = user.outputs()
    assert (after["base_url"], after["keys"]) == (before["base_url"], before["keys"])
    assert "hidden" in [model.id for model in user.client().models.list()]


@pytest.mark.usefixtures("deployed")
def test_down_leaves_nothing(user: User) -> None:
    environment = user.ok("sandbox", "env", "--json").json["set"]
    result = user.sandboxed("down", "--yes")
    assert "Nothing is left." in result.out
    receipts = list((user.home / "data" / "llmstrat-iac" / "receipts").glob("story-dev-*.json"))
    receipt = json.loads(receipts[0].read_text())
    assert receipt["clean"] is True
    assert receipt["leftovers"] == []
    assert sum(line["created"] for line in receipt["lines"]) == sum(line["destroyed"] for line in receipt["lines"]) > 50
    assert remains(environment) == []
    assert user.ok("list", "--sandbox", "--json").json == []

    again = user.sandboxed("down", "--yes", "--json").json
    assert again["clean"] is True
    assert again["lines"] == []


def remains(environment: dict[str, str]) -> list[str]:
    """Whatever in the emulator has the stack's name, asked directly."""
    session = boto3.Session(
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
    )

    def client(service: str) -> object:
        return session.client(service, endpoint_url=environment["AWS_ENDPOINT_URL"])

    answers = [
        client("lambda").list_functions(),
        client("apigateway").get_rest_apis(),
        client("apigateway").get_api_keys(),
        client("apigateway").get_usage_plans(),
        client("dynamodb").list_tables(),
        client("secretsmanager").list_secrets(IncludePlannedDeletion=True),
        client("logs").describe_log_groups(),
        client("iam").list_roles(),
        client("sns").list_topics(),
        client("cloudwatch").describe_alarms(),
        client("scheduler").list_schedule_groups(),
        client("budgets").describe_budgets(AccountId=environment["AWS_ACCESS_KEY_ID"]),
    ]
    return [text for answer in answers if "story-dev" in (text := json.dumps(answer, default=str))]


def test_spec_of_the_kit_is_valid(user: User) -> None:
    user.spec.write_text(SPEC)
    user.ok("validate", user.spec)

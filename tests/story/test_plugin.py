"""A stranger's provider package answers through the gateway once the spec enables it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from story_kit import User

SPEC = """\
apiVersion: llmstrat/v1
name: stranger
strategy: closed-api
owner: ml@example.com
region: eu-central-1
plugins: [llmstrat-iac-mistral]
data: {classification: internal}
limits: {ttl: 8h}
endpoint: {consumers: [{name: web, models: [mistral-main]}]}
providers:
  - name: mistral
    options: {inference_region: eu}
    models: [{alias: mistral-main, id: mistral-small-2603}]
    credentials: {secret: existing-mistral-key}
"""


@pytest.fixture
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    user = User(tmp_path_factory.mktemp("user"))
    user.spec.write_text(SPEC)
    user.ok("sandbox", "start")
    yield user
    user.close()
    user.ok("sandbox", "stop")


def test_mistral_answers_through_the_gateway(user: User) -> None:
    up = user.sandboxed("up", "--yes")
    assert "✓ `mistral-main` answers" in up.out
    client = user.client()
    question = [{"role": "user", "content": "Bonjour"}]
    answer = client.chat.completions.create(model="mistral-main", messages=question, max_tokens=20)  # type: ignore[arg-type]
    assert answer.choices[0].message.content
    usage = user.sandboxed("logs", "--json").out
    assert '"provider": "mistral", "upstream_model": "mistral-small-2603"' in usage
    assert "Nothing is left." in user.sandboxed("down", "--yes").out


def test_it_does_nothing_unless_enabled(user: User) -> None:
    user.spec.write_text(SPEC.replace("plugins: [llmstrat-iac-mistral]\n", ""))
    result = user.run("validate", user.spec)
    assert result.code == 1
    assert "there is no provider `mistral`" in result.err

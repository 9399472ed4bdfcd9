"""Strategy A the whole way: what `up` builds answers the official SDK, refuses what it must, and is accounted for."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from story_kit import LLMSTRAT, REAL_LOOKING, Result, User

pytestmark = pytest.mark.usefixtures("deployed")
QUESTION: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": "What is a gateway?"}]


def test_up_says_how_to_call_it_and_shows_no_key(user: User, deployed: Result) -> None:
    outputs = user.outputs()
    assert outputs["base_url"] in deployed.out
    assert outputs["base_url"].endswith("/v1")
    assert "✓ `chat` answers" in deployed.out
    for key in outputs["keys"].values():
        assert key not in deployed.out + deployed.err


def test_printed_shell_snippet_works(user: User, deployed: Result) -> None:
    _, _, rest = deployed.out.partition("\nShell\n")
    snippet, _, _ = rest.partition("\n\nPython\n")
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", snippet],
        env=user.environment | {"PATH": f"{LLMSTRAT.parent}:{user.environment['PATH']}"},
        cwd=user.home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert '"choices"' in run.stdout


def test_answers(user: User) -> None:
    answer = user.client().chat.completions.create(model="chat", messages=QUESTION)
    assert answer.choices[0].message.content
    assert answer.model == "chat"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 0


def test_streams(user: User) -> None:
    stream = user.client().chat.completions.create(model="chat", messages=QUESTION, stream=True)
    pieces = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
    assert len(pieces) > 3
    assert "".join(pieces)


def test_the_other_provider_answers(user: User) -> None:
    answer = user.client().chat.completions.create(model="backup", messages=QUESTION)
    assert answer.choices[0].message.content


def test_lists_only_allowed_models(user: User) -> None:
    assert [model.id for model in user.client().models.list()] == ["backup", "chat"]
    assert [model.id for model in user.client("trial").models.list()] == ["chat"]


def test_wrong_key_is_401(user: User) -> None:
    with pytest.raises(openai.AuthenticationError) as caught:
        user.client(key="notakeyofthisgateway0000000000").chat.completions.create(model="chat", messages=QUESTION)
    assert caught.value.status_code == 401
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["message"]


def test_model_that_is_not_allowed_is_400(user: User) -> None:
    with pytest.raises(openai.BadRequestError, match="hidden"):
        user.client().chat.completions.create(model="hidden", messages=QUESTION)


def test_spent_token_budget_is_429(user: User) -> None:
    with pytest.raises(openai.RateLimitError, match="tokens left"):
        user.client("trial").chat.completions.create(model="chat", messages=QUESTION, max_completion_tokens=400)


def test_too_fast_is_429(user: User) -> None:
    client = user.client("slow")

    def ask_at_once() -> None:
        with ThreadPoolExecutor(10) as pool:
            for asked in [pool.submit(client.models.list) for _ in range(30)]:
                asked.result()

    with pytest.raises(openai.RateLimitError, match=r"(?i)too many|rate|throttl"):
        ask_at_once()


def test_usage_log_has_the_request_but_not_the_prompt(user: User) -> None:
    user.client().chat.completions.create(model="chat", messages=[{"role": "user", "content": "a secret plan"}])
    result = user.sandboxed("logs", "--json")
    assert "secret plan" not in result.out
    assert '"consumer": "web", "model": "chat", "provider": "openai"' in result.out
    assert "web" in user.sandboxed("logs").out


def test_outputs_are_masked(user: User) -> None:
    keys = user.outputs()["keys"].values()
    shown = user.sandboxed("outputs").out + user.sandboxed("outputs", "--json").out
    assert "[secret]" in shown
    assert not [key for key in keys if key in shown]


def test_no_secret_in_plain_state(user: User) -> None:
    secrets = [*user.outputs()["keys"].values(), REAL_LOOKING["OPENAI_API_KEY"], "sandbox-placeholder-key"]
    files = [path for path in (user.home / "sandbox" / "state").rglob("*") if path.is_file()]
    assert files
    for path in files:
        text = path.read_text(errors="replace")
        assert not [secret for secret in secrets if secret in text], path


def test_status(user: User) -> None:
    status = user.sandboxed("status", "--json").json
    assert status["healthy"] is True
    assert "in 8 h" in status["expires"] or "in 7 h" in status["expires"]


def test_list(user: User) -> None:
    rows = user.ok("list", "--sandbox", "--json").json
    assert [(row["stack"], row["strategy"]) for row in rows] == [("story-dev", "closed-api")]


def test_invoke(user: User) -> None:
    assert user.sandboxed("invoke", "What is IaC?").out.strip()
    assert user.sandboxed("invoke", "What is IaC?", "--json", "--consumer", "web").json["text"]


def test_reap_leaves_living_stacks_alone(user: User) -> None:
    assert "No stack has expired" in user.ok("reap", "--sandbox", "--yes").out


def test_second_up_changes_nothing(user: User) -> None:
    before = user.outputs()
    changes = user.sandboxed("up", "--yes", "--json").json["changes"]
    assert set(changes) == {"same"}, changes
    assert user.outputs() == before

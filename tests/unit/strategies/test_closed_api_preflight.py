"""What preflight says about an account: problems as errors, what may not be asked as "unknown"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aws_fakes import FakeAccount, error

from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.planner.load import load_spec
from llmstrat_iac.strategies.closed_api.preflight import preflight

SPEC = """
apiVersion: llmstrat/v1
name: demo
strategy: closed-api
owner: owner@example.com
region: us-east-1
data: {classification: internal}
limits: {ttl: 8h}
endpoint:
  max_concurrency: 50
  consumers:
    - {name: web, models: [chat, nova, claude]}
providers:
  - name: openai
    credentials: {secret: team/openai}
    models: [{alias: chat, id: gpt-5.2}]
  - name: bedrock
    models:
      - {alias: nova, id: "amazon.nova-pro-v1:0"}
      - {alias: claude, id: "us.anthropic.claude-x-v1:0"}
"""

IDENTITY = {"get_caller_identity": {"Account": "123", "Arn": "arn:aws:iam::123:role/deploy"}}
MODEL = {"modelId": "amazon.nova-pro-v1:0", "inferenceTypesSupported": ["ON_DEMAND"]}


@pytest.fixture
def resolved(tmp_path: Path) -> ResolvedSpec:
    path = tmp_path / "gateway.yaml"
    path.write_text(SPEC)
    return load_spec(path)


def _account(**changes: dict[str, Any]) -> FakeAccount:
    answers: dict[str, dict[str, Any]] = {
        "sts": IDENTITY,
        "secretsmanager": {"describe_secret": {"ARN": "arn:s"}},
        "bedrock": {
            "list_foundation_models": {"modelSummaries": [MODEL | {"modelLifecycle": {"status": "ACTIVE"}}]},
            "list_inference_profiles": {
                "inferenceProfileSummaries": [{"inferenceProfileId": "us.anthropic.claude-x-v1:0", "status": "ACTIVE"}]
            },
        },
        "lambda": {
            "get_account_settings": _limit(unreserved=1000),
            "get_function_concurrency": error("ResourceNotFoundException"),
        },
        "apigateway": {"get_account": {"cloudwatchRoleArn": "arn:role"}},
    }
    return FakeAccount(answers | changes)


def _limit(unreserved: int) -> dict[str, Any]:
    return {"AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": unreserved}}


def _problems(resolved: ResolvedSpec, account: FakeAccount) -> list[Finding]:
    return [finding for finding in preflight(resolved, account) if finding.severity is not Severity.INFO]


def test_an_account_that_is_ready_gives_its_name_only(resolved: ResolvedSpec) -> None:
    account = _account()
    (finding,) = preflight(resolved, account)
    assert finding.message == "deploys to account 123 as arn:aws:iam::123:role/deploy"
    assert not account.operations("create", "update", "put", "delete")


def test_bad_credentials_end_it(resolved: ResolvedSpec) -> None:
    account = _account(sts={"get_caller_identity": error("InvalidClientTokenId")})
    (finding,) = preflight(resolved, account)
    assert (finding.rule, finding.severity) == ("aws.credentials", Severity.ERROR)
    assert [service for service, _, _ in account.calls] == ["sts"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [(error("ResourceNotFoundException"), "doesn't exist"), ({"DeletedDate": "soon"}, "scheduled for deletion")],
)
def test_a_secret_that_is_named_must_be_there(resolved: ResolvedSpec, answer: Any, says: str) -> None:
    (finding,) = _problems(resolved, _account(secretsmanager={"describe_secret": answer}))
    assert (finding.severity, finding.path) == (Severity.ERROR, "providers[0].credentials.secret")
    assert says in finding.message


def test_a_model_that_the_region_doesnt_have_is_an_error(resolved: ResolvedSpec) -> None:
    findings = _problems(resolved, _account(bedrock={}))
    assert [(each.severity, each.path) for each in findings] == [
        (Severity.ERROR, "providers[1].models[0].id"),
        (Severity.ERROR, "providers[1].models[1].id"),
    ]


@pytest.mark.parametrize(
    ("change", "severity", "says"),
    [
        ({"modelLifecycle": {"status": "LEGACY"}}, Severity.WARNING, "is LEGACY"),
        ({"inferenceTypesSupported": ["PROVISIONED"]}, Severity.ERROR, "can't be called on demand"),
    ],
)
def test_a_model_that_wont_do_is_named(resolved: ResolvedSpec, change: Any, severity: Severity, says: str) -> None:
    bedrock = _account().answers["bedrock"] | {"list_foundation_models": {"modelSummaries": [MODEL | change]}}
    (finding,) = _problems(resolved, _account(bedrock=bedrock))
    assert finding.severity is severity
    assert says in finding.message


@pytest.mark.parametrize(
    ("unreserved", "own", "fits"), [(150, None, True), (149, None, False), (100, 50, True), (10, None, False)]
)
def test_the_account_must_have_the_concurrency(
    resolved: ResolvedSpec, unreserved: int, own: int | None, fits: bool
) -> None:
    mine = error("ResourceNotFoundException") if own is None else {"ReservedConcurrentExecutions": own}
    answers = {"get_account_settings": _limit(unreserved), "get_function_concurrency": mine}
    findings = _problems(resolved, _account(**{"lambda": answers}))
    assert [each.path for each in findings] == ([] if fits else ["endpoint.max_concurrency"])


def test_a_missing_log_role_is_announced(resolved: ResolvedSpec) -> None:
    findings = list(preflight(resolved, _account(apigateway={})))
    assert "llmstrat-apigateway-logs" in findings[-1].message
    assert findings[-1].severity is Severity.INFO


@pytest.mark.parametrize(
    ("service", "operation", "rule"),
    [
        ("secretsmanager", "describe_secret", "aws.secret"),
        ("bedrock", "list_foundation_models", "aws.bedrock"),
        ("lambda", "get_account_settings", "aws.concurrency"),
        ("apigateway", "get_account", "aws.api-logs"),
    ],
)
def test_what_may_not_be_asked_is_unknown_and_no_failure(
    resolved: ResolvedSpec, service: str, operation: str, rule: str
) -> None:
    (finding,) = _problems(resolved, _account(**{service: {operation: error("AccessDeniedException")}}))
    assert (finding.rule, finding.severity) == (rule, Severity.WARNING)
    assert finding.message.startswith("unknown")

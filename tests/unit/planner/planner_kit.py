"""Builds specs and plans for tests from a small spec with some parts replaced; on a fixed day, without a file."""

from __future__ import annotations

from datetime import UTC, datetime

from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.plan import Finding, Plan
from llmstrat_iac.planner.load import resolve_document
from llmstrat_iac.planner.plan import build_plan
from llmstrat_iac.plugins import create_registry
from llmstrat_iac.spec.document import parse_document

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SPEC = """\
apiVersion: llmstrat/v1
name: support-assistant
strategy: closed-api
owner: ml-platform@example.com
region: us-east-1
data: {classification: internal}
limits: {ttl: 72h, monthly_usd: 500}
endpoint:
  load: {requests_per_month: 10_000, input_tokens: 800, output_tokens: 300}
  consumers:
    - {name: web, models: [chat], tokens_per_month: 20_000_000}
providers:
  - name: openai
    models: [{alias: chat, id: gpt-5.2}]
    credentials: {secret: "env:OPENAI_API_KEY"}
"""


def resolve(*replacements: tuple[str, str]) -> ResolvedSpec:
    """The spec with each first text replaced by the second."""
    text = SPEC
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    return resolve_document(parse_document("spec.yaml", text))


def plan(*replacements: tuple[str, str], now: datetime = NOW) -> Plan:
    """The plan of that spec."""
    return build_plan(resolve(*replacements), create_registry(), now=now)


def findings(*replacements: tuple[str, str], now: datetime = NOW) -> dict[str, Finding]:
    """The plan's findings by rule."""
    return {finding.rule: finding for finding in plan(*replacements, now=now).findings}

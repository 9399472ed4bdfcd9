"""What speaks against a tuning: where data goes, bases, regions, closing dates, licences, commitments."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tuned_kit import VENDORS, examples, findings, load, write_data

from llmstrat_iac.plan import Severity


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a training file that is good enough for every vendor."""
    write_data(tmp_path / "train.jsonl", examples(220))
    return tmp_path


@pytest.mark.parametrize(("vendor", "refused"), [("bedrock", 0), ("sagemaker", 0), ("gemini", 1), ("openai", 1)])
def test_restricted_data_is_trained_on_inside_the_account_only(vendor: str, refused: int, folder: Path) -> None:
    found = findings(load(folder, vendor, data={"classification": "restricted"}))
    assert ("restricted-data-leaves-account" in found) == refused
    if refused:
        assert found["restricted-data-leaves-account"].path == "tuning.provider"
        assert "`bedrock` or `sagemaker`" in found["restricted-data-leaves-account"].remedy


@pytest.mark.parametrize(
    ("vendor", "base", "rule", "remedy"),
    [
        ("bedrock", "amazon.nova-lite-v1:0", "base-not-tunable", "amazon.nova-lite-v1:0:300k"),
        ("bedrock", "amazon.nova-premier-v1:0:1000k", "unknown-base", "amazon.nova"),
        ("openai", "gpt-5.2", "base-not-tunable", "gpt-4"),
        ("openai", "gpt-4.1-mini", "base-not-tunable", "gpt-4.1-mini-2025-04-14"),
        ("gemini", "gemini-3.8-flash", "base-not-tunable", "gemini-3.5-flash"),
    ],
)
def test_a_base_that_cant_be_tuned(vendor: str, base: str, rule: str, remedy: str, folder: Path) -> None:
    finding = findings(load(folder, vendor, tuning={"base_model": base, "fallback_to_base": False}))[rule]
    assert finding.severity is (Severity.ERROR if rule == "base-not-tunable" else Severity.WARNING)
    assert remedy in finding.remedy


def test_a_base_that_is_retired(folder: Path) -> None:
    tuning = {"base_model": "meta.llama3-2-3b-instruct-v1:0:128k", "options": {"throughput": "provisioned"}}
    finding = findings(load(folder, tuning=tuning, region="us-west-2"))["base-retired"]
    assert finding.severity is Severity.ERROR
    assert "retired on 2026-07-07" in finding.message
    assert "amazon.nova-micro" in finding.remedy


@pytest.mark.parametrize(
    ("vendor", "region", "refused"),
    [("bedrock", "us-west-2", True), ("sagemaker", "eu-west-1", False), ("sagemaker", "sa-east-1", True)],
)
def test_a_base_is_tuned_in_some_regions_only(vendor: str, region: str, refused: bool, folder: Path) -> None:
    assert ("base-not-in-region" in findings(load(folder, vendor, region=region))) is refused


def test_a_method_that_isnt_known_for_the_base(folder: Path) -> None:
    tuning = {"base_model": "gemini-3.5-flash", "method": "preference"}
    assert findings(load(folder, "gemini", tuning=tuning))["method-not-offered"].severity is Severity.ERROR


@pytest.mark.parametrize(
    ("day", "rules"),
    [
        (datetime(2026, 11, 24, tzinfo=UTC), {"tuning-closes": "warning", "base-retires-soon": "warning"}),
        (datetime(2027, 1, 5, tzinfo=UTC), {"tuning-closes": "warning", "base-retires-soon": "warning"}),
        (datetime(2027, 1, 6, tzinfo=UTC), {"tuning-closed": "error", "base-retires-soon": "warning"}),
        (datetime(2027, 1, 14, tzinfo=UTC), {"tuning-closed": "error", "base-retired": "error"}),
    ],
    ids=["today", "last day", "closed", "retired"],
)
def test_openai_warns_before_it_closes_and_is_refused_after(day: datetime, rules: dict[str, str], folder: Path) -> None:
    found = findings(load(folder, "openai"), now=day)
    closing = ("tuning-closes", "tuning-closed", "base-retires-soon", "base-retired")
    assert {rule: str(found[rule].severity) for rule in closing if rule in found} == rules
    assert all("`bedrock` or `sagemaker`" in found[rule].remedy for rule in rules)


@pytest.mark.parametrize("accepted", [False, True])
def test_a_licence_must_be_accepted_by_name(accepted: bool, folder: Path) -> None:
    tuning = {"base_model": "meta-textgeneration-llama-3-3-70b-instruct", "options": {"accept_eula": accepted}}
    found = findings(load(folder, "sagemaker", tuning=tuning))
    assert ("eula-not-accepted" in found) is not accepted
    if not accepted:
        assert "Llama 3.3 Community License" in found["eula-not-accepted"].message


def test_qwen_needs_no_licence(folder: Path) -> None:
    assert "eula-not-accepted" not in findings(load(folder, "sagemaker"))


@pytest.mark.parametrize(
    ("options", "rule", "severity"),
    [
        ({"commitment": "1-month"}, "commitment-without-throughput", Severity.ERROR),
        ({"commitment": "1-month", "throughput": "provisioned"}, "commitment-not-accepted", Severity.ERROR),
        (
            {"commitment": "6-months", "throughput": "provisioned", "accept_commitment": True},
            "commitment",
            Severity.WARNING,
        ),
        ({"throughput": "provisioned"}, "provisioned-throughput", Severity.WARNING),
    ],
)
def test_a_commitment_must_be_spelled_out(options: dict[str, Any], rule: str, severity: Severity, folder: Path) -> None:
    assert findings(load(folder, tuning={"options": options}))[rule].severity is severity


def test_a_base_that_bedrock_doesnt_serve_on_demand(folder: Path) -> None:
    tuning: dict[str, Any] = {"base_model": "anthropic.claude-3-haiku-20240307-v1:0:200k"}
    found = findings(load(folder, tuning=tuning, region="us-west-2"))
    assert found["on-demand-not-offered"].severity is Severity.ERROR
    provisioned = tuning | {"options": {"throughput": "provisioned"}}
    assert "on-demand-not-offered" not in findings(load(folder, tuning=provisioned, region="us-west-2"))


@pytest.mark.parametrize(("bucket", "warned"), [("example-data", True), ("example-sagemaker-data", False)])
def test_sagemaker_wants_its_name_in_a_buckets(bucket: str, warned: bool, tmp_path: Path) -> None:
    tuning = {"dataset": {"train": f"s3://{bucket}/train.jsonl"}}
    assert ("sagemaker-bucket-name" in findings(load(tmp_path, "sagemaker", tuning=tuning))) is warned


def test_a_base_that_nobody_serves_is_no_fallback(folder: Path) -> None:
    tuning = {"fallback_to_base": True}
    assert findings(load(folder, "sagemaker", tuning=tuning))["base-not-served"].severity is Severity.WARNING
    endpoint = {"consumers": [{"name": "web", "models": ["support", "support-base"]}]}
    found = findings(load(folder, "sagemaker", tuning=tuning, endpoint=endpoint))
    assert found["base-not-served"].severity is Severity.ERROR


@pytest.mark.parametrize("vendor", VENDORS)
def test_only_vendors_outside_the_account_need_a_token_budget(vendor: str, folder: Path) -> None:
    endpoint = {"consumers": [{"name": "web", "models": ["support"]}]}
    found = findings(load(folder, vendor, endpoint=endpoint))
    assert ("no-token-budget" in found) is (vendor in ("gemini", "openai"))

"""The plan of strategy B: the dataset's check, what training and hosting cost, and what isn't known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tuned_kit import VENDORS, examples, findings, load, pairs, plan, resolved_tuning, write_data

from llmstrat_iac.cli import main
from llmstrat_iac.plan import Basis, CostLine, Severity


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a training file of 220 examples, enough for every vendor."""
    write_data(tmp_path / "train.jsonl", examples(220))
    return tmp_path


def lines(folder: Path, vendor: str, **options: object) -> dict[str, CostLine]:
    return {line.item: line for line in plan(load(folder, vendor, **options)).stack.costs}  # type: ignore[arg-type]


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_vendor_plans_without_errors(vendor: str, folder: Path) -> None:
    assert plan(load(folder, vendor)).errors == ()


def test_training_costs_tokens_times_epochs_times_price_once(folder: Path) -> None:
    resolved = load(folder, tuning={"hyperparameters": {"epochs": 4}})
    report = resolved_tuning(resolved).report
    assert report is not None
    found = plan(resolved)
    (line,) = [line for line in found.stack.costs if line.basis is Basis.ONCE]
    assert line.quantity == 4 * report.train.tokens
    assert line.usd == pytest.approx(4 * report.train.tokens * 1.00 / 1e6)
    assert found.once.usd == line.usd
    assert found.first_month.usd == pytest.approx(found.at_load_month.usd + line.usd)
    monthly = [line.usd or 0 for line in found.stack.costs if line.basis is not Basis.ONCE]
    assert found.at_load_month.usd == pytest.approx(sum(monthly))


def test_a_forgotten_stack_pays_for_training_and_for_keeping_the_model(folder: Path) -> None:
    found = plan(load(folder))
    storage = lines(folder, "bedrock")["Bedrock: keeping the tuned model"]
    assert storage.usd == 1.95
    assert found.forgotten_30_days.usd >= found.once.usd + 1.95 * 720 / 730


def test_unknown_prices_are_said_and_left_out(folder: Path) -> None:
    resolved = load(folder, tuning={"base_model": "amazon.nova-lite-v1:0:300k"})
    found = plan(resolved)
    assert found.once.usd == 0
    assert found.once.unknown == ("Training: 2 epochs",)
    assert "price of training Amazon Nova Lite is unknown" in findings(resolved)["unknown-price"].message


def test_the_monthly_limit_counts_the_training(folder: Path) -> None:
    write_data(folder / "train.jsonl", [*examples(20_000)])
    resolved = load(folder, "openai", limits={"ttl": "72h", "monthly_usd": 5})
    found = plan(resolved)
    assert found.once.usd > 5 > found.at_load_month.usd
    assert "in the first month, tuning included" in findings(resolved)["monthly-limit"].message


def test_provisioned_throughput_bills_by_the_hour_at_an_unknown_price(folder: Path) -> None:
    options = {"throughput": "provisioned", "model_units": 2}
    line = lines(folder, "bedrock", tuning={"options": options})["Bedrock: provisioned throughput (no commitment)"]
    assert (line.basis, line.quantity, line.usd) == (Basis.HOUR, 2, None)


@pytest.mark.parametrize(
    ("ttl", "options", "ends"),
    [
        ("24h", {"throughput": "provisioned"}, 2),
        ("24h", {"throughput": "on-demand"}, 1),
        ("24h", {"throughput": "provisioned", "commitment": "1-month", "accept_commitment": True}, 1),
        ("never", {"throughput": "provisioned"}, 0),
    ],
)
def test_throughput_by_the_hour_ends_with_the_stack_as_the_gateway_does(
    folder: Path, ttl: str, options: dict[str, object], ends: int
) -> None:
    planned = plan(load(folder, tuning={"options": options}, limits={"ttl": ttl})).stack.resources
    assert sum(each.count for each in planned if each.type == "aws:scheduler/schedule:Schedule") == ends


def test_an_imported_model_is_billed_by_windows_of_five_minutes(folder: Path) -> None:
    tuning = {"base_model": "meta-textgeneration-llama-3-1-8b-instruct", "options": {"accept_eula": True}}
    load_block = {"requests_per_month": 120, "input_tokens": 10, "output_tokens": 10}
    endpoint = {"consumers": [{"name": "web", "models": ["support"]}], "load": load_block}
    by_item = lines(folder, "sagemaker", tuning=tuning, endpoint=endpoint)
    line = by_item["Bedrock: serving support"]
    assert line.quantity == 120 * 5 / 60 * 2
    assert line.usd == pytest.approx(20 * 0.05718 * 60)
    assert not any(item.startswith("Tokens") for item in by_item)
    busy = endpoint | {"load": load_block | {"requests_per_month": 1_000_000}}
    assert lines(folder, "sagemaker", tuning=tuning, endpoint=busy)["Bedrock: serving support"].quantity == 730 * 2


def test_an_imported_model_of_unknown_size_costs_an_unknown_sum(folder: Path) -> None:
    load_block = {"requests_per_month": 120, "input_tokens": 10, "output_tokens": 10}
    endpoint = {"consumers": [{"name": "web", "models": ["support"]}], "load": load_block}
    by_item = lines(folder, "sagemaker", endpoint=endpoint)
    assert by_item["Bedrock: serving support"].usd is None
    assert by_item["Bedrock: keeping the imported model"].usd is None


def test_tuned_model_and_base_have_a_price_each(folder: Path) -> None:
    prices = {price.alias: price for price in plan(load(folder, "openai")).stack.token_prices}
    assert (prices["support"].usd_per_mtok_input, prices["support"].usd_per_mtok_output) == (0.8, 3.2)
    assert (prices["support-base"].usd_per_mtok_input, prices["support-base"].usd_per_mtok_output) == (0.4, 1.6)


def test_findings_of_the_dataset_name_file_and_line(folder: Path) -> None:
    with (folder / "train.jsonl").open("a", encoding="utf-8") as file:
        file.write("{not json}\n")
    finding = findings(load(folder))["dataset-not-json"]
    assert finding.severity is Severity.ERROR
    assert finding.path == "tuning.dataset.train"
    assert finding.message.startswith("train.jsonl:221: ")


def test_leakage_into_validation_is_found(folder: Path) -> None:
    write_data(folder / "held-out.jsonl", examples(5, first=218))
    tuning = {"dataset": {"train": "train.jsonl", "validation": "held-out.jsonl"}}
    first, _ = [each for each in plan(load(folder, tuning=tuning)).findings if each.rule == "dataset-leakage"]
    assert first.message == "train.jsonl:219: is line 1 of the validation file, too"
    assert first.reason == "2 such places in the dataset"


def test_a_dataset_with_a_thousand_faults_shows_ten_and_counts_the_rest(folder: Path) -> None:
    (folder / "train.jsonl").write_text('{"messages": 1}\n{"prompt": "x"}\n' * 500, encoding="utf-8")
    found = [each for each in plan(load(folder)).errors if each.rule.startswith("dataset")]
    assert len(found) <= 11
    assert found[-1].message.endswith("more findings")


@pytest.mark.parametrize(
    ("content", "rule", "message"),
    [
        (None, "dataset-missing", "there is no file `train.jsonl`"),
        (b"", "dataset-unreadable", "train.jsonl is empty"),
        (b"\n\n", "dataset-no-examples", "train.jsonl: the file has no examples"),
        (b"\x1f\x8b\x08\x00", "dataset-unreadable", "gzip"),
    ],
    ids=["missing", "empty", "blank", "compressed"],
)
def test_a_dataset_that_is_none_is_an_error(content: bytes | None, rule: str, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "train.jsonl").write_bytes(content)
    finding = findings(load(tmp_path))[rule]
    assert finding.severity is Severity.ERROR
    assert message in finding.message


def test_too_few_examples_for_the_vendor_is_an_error(folder: Path) -> None:
    write_data(folder / "train.jsonl", examples(9))
    assert findings(load(folder, "openai"))["dataset-too-few"].severity is Severity.ERROR
    assert findings(load(folder, "bedrock"))["dataset-few"].severity is Severity.WARNING


def test_preference_pairs_for_a_preference_method(folder: Path) -> None:
    write_data(folder / "train.jsonl", pairs(60))
    assert "dataset-method" in findings(load(folder, "openai"))
    assert "dataset-method" not in findings(load(folder, "openai", tuning={"method": "preference"}))


def test_the_name_of_the_file_is_ours_at_the_vendor(folder: Path) -> None:
    write_data(folder / "data of may (new).jsonl", examples(120))
    assert plan(load(folder, tuning={"dataset": {"train": "data of may (new).jsonl"}})).errors == ()


@pytest.mark.parametrize(("vendor", "count"), [("openai", 1), ("gemini", 2)])
def test_a_key_that_serves_for_models_and_tuning_is_uploaded_once(vendor: str, count: int, folder: Path) -> None:
    """Gemini tunes with a service account, and is called with an API key."""
    entry = {"name": vendor, "models": [{"alias": "main", "id": "m"}], "credentials": {"secret": "env:API_KEY"}}
    credentials = None if vendor == "openai" else {"secret": "env:GOOGLE_CREDENTIALS"}
    found = plan(load(folder, vendor, tuning={"credentials": credentials}, providers=[entry]))
    resources = {resource.type: resource.count for resource in found.stack.resources}
    assert resources["aws:secretsmanager/secret:Secret"] == count


def test_a_dataset_in_s3_is_unknown_until_aws_is_asked(tmp_path: Path) -> None:
    resolved = load(tmp_path, tuning={"dataset": {"train": "s3://example-data/train.jsonl"}})
    found = plan(resolved)
    assert found.once.unknown == ("Training: 2 epochs",)
    assert findings(resolved)["dataset-not-checked"].severity is Severity.WARNING
    assert found.errors == ()


def test_validate_reads_no_dataset(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "train.jsonl").write_text("[]\n", encoding="utf-8")
    load(folder)
    assert main(["validate", str(folder / "spec.yaml")]) == 0
    assert capsys.readouterr().out.endswith(
        "valid: closed-api-tuned, 0 providers, 0 models, 1 tuned model, 1 consumer\n"
    )
    assert main(["plan", str(folder / "spec.yaml")]) == 1


def test_validate_misses_a_dataset_that_isnt_there(tmp_path: Path) -> None:
    found = plan(load(tmp_path), read_files=False)
    assert [finding.rule for finding in found.errors] == ["dataset-missing"]


def test_a_dataset_that_changes_while_it_is_read_is_an_error(folder: Path) -> None:
    resolved = load(folder)
    tuning = resolved_tuning(resolved)
    assert tuning.train.content_hash
    write_data(folder / "train.jsonl", examples(221))
    assert "changed while it was read" in findings(replace(resolved, tuning=tuning))["dataset-unreadable"].message


def test_paths_are_relative_to_the_spec(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert plan(load(folder)).errors == ()

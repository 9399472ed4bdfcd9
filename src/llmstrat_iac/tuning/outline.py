"""What the vendors' plans have in common: the tuned model's token price, storage, and the AWS side of a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from llmstrat_iac.catalog.aws_prices import aws_price
from llmstrat_iac.plan import Basis, CostLine, Finding, PlannedResource, Severity, TokenPrice
from llmstrat_iac.tuning.contract import ResolvedTuning

if TYPE_CHECKING:
    from llmstrat_iac.datasets.rules import VendorRules

_GB = 1e9


def token_price(tuning: ResolvedTuning, *, by_token: bool = True) -> TokenPrice:
    """What the tuned model costs a token; zero if its hosting is billed by time instead."""
    base, block = tuning.base, tuning.block
    return TokenPrice(
        alias=block.alias,
        provider=block.provider,
        model=f"{block.base_model} (tuned)",
        usd_per_mtok_input=(base.usd_per_mtok_input if base else None) if by_token else 0.0,
        usd_per_mtok_output=(base.usd_per_mtok_output if base else None) if by_token else 0.0,
        source=base.source if base else "not in the catalogue",
        as_of=base.as_of if base else "",
    )


def storage_line(tuning: ResolvedTuning, item: str, units: float | None = 1) -> CostLine:
    """Keeping the tuned model for a month, called or not; of unknown cost if `units` isn't known."""
    base = tuning.base
    return CostLine(
        item=item,
        basis=Basis.MONTH,
        quantity=1 if units is None else units,
        unit="model" if units is None or units == 1 else "unit",
        unit_usd=base.usd_month_storage if base and units is not None else None,
        source=base.source if base else "not in the catalogue",
        as_of=base.as_of if base else "",
    )


def bucket_resources(tuning: ResolvedTuning) -> Iterator[PlannedResource]:
    """The bucket and the role of a tuning that runs inside AWS."""
    files = 2 if tuning.validation else 1
    yield PlannedResource("aws:s3/bucket:Bucket", 1, "training data and what jobs write; private, encrypted")
    yield PlannedResource("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", 1, "keeps it private")
    yield PlannedResource(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", 1, "encrypts it"
    )
    yield PlannedResource(
        "aws:s3/bucketObjectv2:BucketObjectv2", files, "the dataset, converted, until the job is completed"
    )
    yield PlannedResource("aws:iam/role:Role", 1, "what the job runs with")
    yield PlannedResource("aws:iam/rolePolicy:RolePolicy", 1, "reads the dataset, writes the results, nothing else")


def bucket_lines(tuning: ResolvedTuning) -> Iterator[CostLine]:
    """Storage of the dataset while the job runs; nothing if its size isn't known."""
    if tuning.report is None:
        return
    files = (tuning.report.train, tuning.report.validation)
    price = aws_price("s3-storage", tuning.region)
    size = sum(file.bytes for file in files if file) / _GB
    yield CostLine("S3: training data", Basis.MONTH, size, price.unit, price.usd, price.source, price.as_of)


def built_in_rules(vendor: str, base_model: str, method: str) -> VendorRules:
    """The record of the built-in table; DatasetError if it has none."""
    from llmstrat_iac.datasets.rules import Method, find_rules
    from llmstrat_iac.datasets.vendors import VENDOR_RULES

    return find_rules(VENDOR_RULES, vendor, base_model, Method(method))


def tuning_error(rule: str, path: str, message: str, reason: str, remedy: str) -> Finding:
    """A finding that stops `up`."""
    return Finding(rule, Severity.ERROR, f"tuning.{path}", message, reason, remedy)


def tuning_warning(rule: str, path: str, message: str, reason: str, remedy: str) -> Finding:
    """A finding that doesn't."""
    return Finding(rule, Severity.WARNING, f"tuning.{path}", message, reason, remedy)

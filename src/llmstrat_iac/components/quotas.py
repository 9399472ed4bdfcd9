"""Compares what a spec needs with the account's service quotas, read-only, before anything is started.

What AWS doesn't tell stays unknown: a missing row is no permission. Calls are few, since Service Quotas takes five a
second: SageMaker's quotas are known by name only, and the codes, the same in every account, are kept on disk.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from platformdirs import user_cache_path

from llmstrat_iac.catalog.quotas import QuotaNeed
from llmstrat_iac.components.leftovers import pages
from llmstrat_iac.hookspecs import AwsSession
from llmstrat_iac.plan import Finding, Severity

_RULE = "aws.quota"
_ABSENT = "NoSuchResourceException"


def check_quotas(needs: Iterable[QuotaNeed], session: AwsSession, *, cache: Path | None = None) -> Iterator[Finding]:
    """Yield a finding a quota: enough, short (an error), in use by others (a warning), or unknown (a warning).

    Needs of the same quota are added up.
    """
    reader = _Reader(session, cache or user_cache_path("llmstrat-iac") / "quota-codes.json")
    for need in _merged(needs):
        try:
            quota = reader.quota(need)
            used = reader.used(need) if quota is not None else None
        except ClientError as error:
            yield _unknown(need, error.response["Error"].get("Message") or error.response["Error"]["Code"])
            continue
        yield _unknown(need, "AWS lists no such quota") if quota is None else _verdict(need, quota, used)


def _merged(needs: Iterable[QuotaNeed]) -> Iterator[QuotaNeed]:
    by_name: dict[tuple[str, str], list[QuotaNeed]] = {}
    for need in needs:
        by_name.setdefault((need.service, need.name), []).append(need)
    for same in by_name.values():
        first = same[0]
        yield replace(first, need=sum(each.need for each in same), exchange=sum(each.exchange for each in same))


def _verdict(need: QuotaNeed, quota: dict[str, Any], used: float | None) -> Finding:
    limit = float(quota["Value"])
    counted = f"{need.need:g} {need.unit} of {limit:g}"
    known = f"`{need.name}` ({quota['QuotaCode']})"
    if need.need > limit:
        return Finding(
            _RULE,
            Severity.ERROR,
            need.path,
            f"the quota {known} is {limit:g} {need.unit}, and {need.need:g} are needed",
            reason="AWS would refuse the instances; new accounts start with few GPUs, or none",
            remedy=f"{_increase(need, quota)}; AWS answers within hours to days; or choose another instance type",
        )
    if need.exchange > limit:
        return Finding(
            _RULE,
            Severity.WARNING,
            need.path,
            f"the quota {known} is {limit:g} {need.unit}: enough for the {need.need:g} that are needed, but a change "
            f"of the fleet takes {need.exchange:g} for a while",
            reason="new instances come before the old ones go, so that no call is lost; without room the change waits",
            remedy=f"{_increase(need, quota)}; or `llmstrat pause` before a change, and `resume` after it",
        )
    if used is not None and used + need.need > limit:
        return Finding(
            _RULE,
            Severity.WARNING,
            need.path,
            f"the quota {known} may be too small: {counted} are needed and {used:g} in use",
            reason="it is enough only if this stack itself uses them already",
            remedy=f"stop others, or {_increase(need, quota)}",
        )
    in_use = "" if used is None else f", {used:g} in use"
    return Finding(_RULE, Severity.INFO, need.path, f"the quota {known} suffices: {counted}{in_use}")


def _increase(need: QuotaNeed, quota: dict[str, Any]) -> str:
    """The command; with the region, which is the spec's rather than the shell's: `arn:aws:servicequotas:REGION:…`."""
    region = str(quota.get("QuotaArn") or "").split(":")[3:4]
    where = f" --region {region[0]}" if region else ""
    value = math.ceil(max(need.need, need.exchange))
    return (
        f"`aws service-quotas request-service-quota-increase --service-code {need.service}{where} "
        f"--quota-code {quota['QuotaCode']} --desired-value {value}`"
    )


def _unknown(need: QuotaNeed, why: str) -> Finding:
    return Finding(
        _RULE,
        Severity.WARNING,
        need.path,
        f"the quota `{need.name}` is unknown: {why}",
        reason=f"{need.need:g} {need.unit} are needed",
        remedy="look it up in the Service Quotas console before you rely on it",
    )


class _Reader:
    """The account's quotas."""

    def __init__(self, session: AwsSession, cache: Path) -> None:
        self._quotas = session.client("service-quotas")
        self._metrics = session.client("cloudwatch")
        self._cache = cache

    def quota(self, need: QuotaNeed) -> dict[str, Any] | None:
        """The quota that applies, or its default if it was never raised; None if AWS knows none."""
        code = need.code or self._code(need)
        if code is None:
            return None
        for call in (self._quotas.get_service_quota, self._quotas.get_aws_default_service_quota):
            try:
                found: dict[str, Any] = call(ServiceCode=need.service, QuotaCode=code)["Quota"]
            except ClientError as error:
                if error.response["Error"]["Code"] != _ABSENT:
                    raise
                continue
            if "Value" in found and not found.get("ErrorReason"):
                return found
        return None

    def used(self, need: QuotaNeed) -> float | None:
        """The most that was in use in the last quarter of an hour; None if AWS doesn't count it."""
        if need.usage_class is None:
            return None
        now = datetime.now(UTC)
        dimensions = {"Service": "EC2", "Type": "Resource", "Resource": "vCPU", "Class": need.usage_class}
        points = self._metrics.get_metric_statistics(
            Namespace="AWS/Usage",
            MetricName="ResourceCount",
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=now - timedelta(minutes=15),
            EndTime=now,
            Period=300,
            Statistics=["Maximum"],
        ).get("Datapoints")
        return max((float(point["Maximum"]) for point in points or ()), default=None)

    def _code(self, need: QuotaNeed) -> str | None:
        known = self._known_codes()
        if need.name not in known:
            known |= self._list(need.service)
            self._remember(known)
        return known.get(need.name)

    def _list(self, service: str) -> dict[str, str]:
        listed = pages(self._quotas, "list_aws_default_service_quotas", "Quotas", ServiceCode=service)
        return {quota["QuotaName"]: quota["QuotaCode"] for quota in listed}

    def _known_codes(self) -> dict[str, str]:
        try:
            return dict(json.loads(self._cache.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}

    def _remember(self, codes: dict[str, str]) -> None:
        self._cache.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self._cache.parent, prefix=f".{self._cache.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(codes, file, indent=1, sort_keys=True)
        Path(temporary).replace(self._cache)

"""The Service Quotas API over the emulated quotas, and a control call of our own that sets them.

`X-Amz-Target: LlmstratSandbox.SetQuotas` takes `{"quotas": {code or name: value}, "throttle": n}`: empty quotas go back
to the environment's, and the next n calls of the real API are throttled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import get_account_id, get_region

from llmstrat_iac.sandbox.emulator.quotas.limits import Quota, quotas_of, set_limits
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments, Handler, JsonApi, Response, page

CONTROL_TARGET = "LlmstratSandbox."
_SERVICE_NAMES = {"ec2": "Amazon Elastic Compute Cloud (Amazon EC2)", "sagemaker": "Amazon SageMaker"}


@dataclass
class ServiceQuotas:
    """The service; `throttled` is how many of the next calls are refused."""

    throttled: int = 0

    async def handle_request(self, _method: str, _path: str, headers: Any, body: bytes, _query_params: Any) -> Response:
        """Answer the API, or the control call."""
        target = headers.get("x-amz-target", "")
        if target == f"{CONTROL_TARGET}SetQuotas":
            asked = json.loads(body or b"{}")
            set_limits({str(key): float(value) for key, value in (asked.get("quotas") or {}).items()})
            self.throttled = int(asked.get("throttle") or 0)
            return 200, {"Content-Type": "application/json"}, b"{}"
        if self.throttled > 0:
            self.throttled -= 1
            refusal = {"__type": "TooManyRequestsException", "message": "Rate exceeded"}
            return 429, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(refusal).encode()
        return _API.answer(target, body)


def _list(asked: Arguments, *, applied: bool) -> Mapping[str, Any]:
    known = quotas_of(_known_service(asked["ServiceCode"]))
    wanted = [quota for quota in known if asked.get("QuotaCode") in (None, quota.code)]
    shown, token = page(wanted, asked, size="MaxResults", token="NextToken")  # noqa: S106 - a field's name
    return {"Quotas": [_described(quota, applied=applied) for quota in shown], "NextToken": token}


def _get(asked: Arguments, *, applied: bool) -> Mapping[str, Any]:
    known = quotas_of(_known_service(asked["ServiceCode"]))
    found = next((quota for quota in known if quota.code == asked["QuotaCode"]), None)
    if found is None:
        raise ApiError("NoSuchResourceException", "The request failed because the specified quota does not exist.")
    return {"Quota": _described(found, applied=applied)}


def _known_service(code: str) -> str:
    if code not in _SERVICE_NAMES:
        raise ApiError("NoSuchResourceException", "The request failed because the specified service does not exist.")
    return code


def _described(quota: Quota, *, applied: bool) -> dict[str, Any]:
    region, account = get_region(), get_account_id()
    return {
        "ServiceCode": quota.service,
        "ServiceName": _SERVICE_NAMES[quota.service],
        "QuotaArn": f"arn:aws:servicequotas:{region}:{account if applied else ''}:{quota.service}/{quota.code}",
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "Value": quota.value if applied else quota.default,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
        "QuotaAppliedAtLevel": "ACCOUNT",
    }


HANDLERS: Mapping[str, Handler] = {
    "GetServiceQuota": lambda asked: _get(asked, applied=True),
    "GetAWSDefaultServiceQuota": lambda asked: _get(asked, applied=False),
    "ListServiceQuotas": lambda asked: _list(asked, applied=True),
    "ListAWSDefaultServiceQuotas": lambda asked: _list(asked, applied=False),
}
_API = JsonApi("service-quotas", HANDLERS)

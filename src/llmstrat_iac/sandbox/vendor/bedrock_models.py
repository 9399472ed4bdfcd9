"""Whether Bedrock serves a tuned model, as the sandbox's emulator has it: deployments, throughput, imported models."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from urllib.parse import quote

import urllib3

_ARN = re.compile(r"arn:[^:]+:bedrock:([^:]+):(\d*):([a-z-]+)/.+")
# Kind of ARN -> where the emulator tells of it, and in which state it answers calls.
_PLACES = {
    "custom-model-deployment": ("/model-customization/custom-model-deployments/", "Active"),
    "provisioned-model": ("/provisioned-model-throughput/", "InService"),
    "imported-model": ("/imported-models/", None),
}
_SECONDS = 5.0


@dataclass(frozen=True)
class Refusal:
    """Why a model can't be called."""

    status: int
    kind: str
    message: str


@dataclass(frozen=True)
class TunedModels:
    """Asks the emulator at `endpoint`; ids that aren't ARNs of tuned models aren't its business."""

    endpoint: str

    @classmethod
    def from_environment(cls) -> TunedModels:
        """Of the sandbox that this process belongs to."""
        return cls(os.environ.get("AWS_ENDPOINT_URL") or "")

    @staticmethod
    def is_tuned(model: str) -> bool:
        """Whether an id is the ARN of something tuned."""
        found = _ARN.fullmatch(model)
        return bool(found) and (found.group(3) in _PLACES or found.group(3) == "custom-model")  # type: ignore[union-attr]

    def refusal(self, model: str) -> Refusal | None:
        """Why a tuned model doesn't answer, or None."""
        found = _ARN.fullmatch(model)
        if found is None:
            return None
        region, account, kind = found.groups()
        if kind == "custom-model":
            message = "Invocation of a custom model needs a deployment or Provisioned Throughput; call its ARN."
            return Refusal(400, "ValidationException", message)
        place, wanted = _PLACES[kind]
        state = self._state(f"{place}{quote(model, safe='')}", region, account)
        if state is None:
            return Refusal(404, "ResourceNotFoundException", f"Could not resolve the model from `{model}`.")
        if wanted is not None and state != wanted:
            return Refusal(429, "ModelNotReadyException", f"The model isn't ready: its status is {state}.")
        return None

    def _state(self, path: str, region: str, account: str) -> str | None:
        """The status of a thing; None if it isn't there."""
        scope = f"{account}/20260101/{region}/bedrock/aws4_request"
        signature = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
        try:
            with urllib3.PoolManager(retries=False, timeout=_SECONDS) as pool:
                answer = pool.request("GET", self.endpoint + path, headers={"authorization": signature})
        except urllib3.exceptions.HTTPError:
            return None
        return str(json.loads(answer.data).get("status") or "") if answer.status == 200 else None

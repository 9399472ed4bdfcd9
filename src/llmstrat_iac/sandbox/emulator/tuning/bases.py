"""The foundation models that the emulator's Bedrock tunes, with regions and lifecycles: an account's view, not advice.

A sample of what `ListFoundationModels(byCustomizationType=FINE_TUNING)` has shown; one of them is legacy on purpose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

NOVA, ANTHROPIC, LLAMA = "nova", "anthropic", "llama"
_EAST, _WEST = "us-east-1", "us-west-2"


@dataclass(frozen=True)
class Base:
    """A tunable model; `format` is what its training records look like, `deploys` where on-demand deployments are."""

    id: str
    name: str
    provider: str
    format: str
    regions: tuple[str, ...]
    deploys: tuple[str, ...] = ()
    status: str = "ACTIVE"
    legacy_time: float | None = None
    end_of_life_time: float | None = None

    def summary(self, region: str) -> dict[str, Any]:
        """As ListFoundationModels has it."""
        lifecycle = {"status": self.status, "legacyTime": self.legacy_time, "endOfLifeTime": self.end_of_life_time}
        return {
            "modelArn": self.arn(region),
            "modelId": self.id,
            "modelName": self.name,
            "providerName": self.provider,
            "inputModalities": ["TEXT"],
            "outputModalities": ["TEXT"],
            "responseStreamingSupported": True,
            "customizationsSupported": ["FINE_TUNING"],
            "inferenceTypesSupported": ["PROVISIONED"],
            "modelLifecycle": {key: value for key, value in lifecycle.items() if value is not None},
        }

    def arn(self, region: str) -> str:
        """Its ARN in a region."""
        return f"arn:aws:bedrock:{region}::foundation-model/{self.id}"


BASES = (
    Base("amazon.nova-micro-v1:0:128k", "Nova Micro", "Amazon", NOVA, (_EAST,), (_EAST,)),
    Base("amazon.nova-lite-v1:0:300k", "Nova Lite", "Amazon", NOVA, (_EAST,), (_EAST,)),
    Base("amazon.nova-pro-v1:0:300k", "Nova Pro", "Amazon", NOVA, (_EAST,), (_EAST,)),
    Base("amazon.nova-2-lite-v1:0:256k", "Nova 2 Lite", "Amazon", NOVA, (_EAST,), (_EAST,)),
    Base(
        "anthropic.claude-3-haiku-20240307-v1:0:200k", "Claude 3 Haiku", "Anthropic", ANTHROPIC, (_WEST,),
        status="LEGACY", legacy_time=1_757_000_000.0, end_of_life_time=1_798_000_000.0,
    ),
    Base("meta.llama3-1-8b-instruct-v1:0:128k", "Llama 3.1 8B Instruct", "Meta", LLAMA, (_WEST,)),
    Base("meta.llama3-1-70b-instruct-v1:0:128k", "Llama 3.1 70B Instruct", "Meta", LLAMA, (_WEST,)),
    Base(
        "meta.llama3-3-70b-instruct-v1:0:128k", "Llama 3.3 70B Instruct", "Meta", LLAMA, (_EAST, _WEST), (_EAST, _WEST)
    ),
)  # fmt: skip


def find_base(identifier: str, region: str) -> Base | None:
    """The tunable model that an id or ARN names in a region."""
    name = re.sub(r"^arn:[^:]+:bedrock:[^:]*::foundation-model/", "", identifier)
    return next((base for base in BASES if base.id == name and region in base.regions), None)


def bases_in(region: str) -> tuple[Base, ...]:
    """All of a region."""
    return tuple(base for base in BASES if region in base.regions)

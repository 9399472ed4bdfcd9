"""What a row of the fidelity table is, and the documents that rows share."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

Made = Mapping[str, Any]
Cloud = Callable[[str], Any]
Inputs = dict[str, Any]
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
OTHER_TRUST = TRUST.replace("lambda.amazonaws", "scheduler.amazonaws")
HANDLER = "def handler(event, context):\n    return {'statusCode': 200, 'body': '%s'}\n"


def policy(action: str) -> str:
    """A policy that allows one action."""
    statement = {"Effect": "Allow", "Action": [action], "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def code(text: str) -> pulumi.AssetArchive:
    """A function's package."""
    return pulumi.AssetArchive({"app.py": pulumi.StringAsset(HANDLER % text)})


@dataclass(frozen=True)
class Case:
    """A row. `change` and `replace` are added to the inputs; None: the type has no such change."""

    name: str
    token: str
    inputs: Callable[[Made], Inputs]
    change: Callable[[Made], Inputs] | None
    replace: Callable[[Made], Inputs] | None
    exists: Callable[[Cloud, Inputs], object]

    def make(self, made: Made, *, changed: bool, replaced: bool) -> Any:
        module, _, name = self.token.removeprefix("aws:").partition("/")
        package = importlib.import_module(f"pulumi_aws.{'lambda_' if module == 'lambda' else module}")
        inputs = self.inputs(made)
        inputs |= self.change(made) if changed and self.change else {}
        inputs |= self.replace(made) if replaced and self.replace else {}
        return getattr(package, name.partition(":")[2])(self.name, **inputs)


def found(items: Any, **wanted: Any) -> bool:
    """Whether a list of API items has one with these members."""
    return any(all(item.get(key) == value for key, value in wanted.items()) for item in items)

"""`iam.getPolicyDocument`: a pure function that merges and prints policies exactly as the real provider does.

The text matters: it is an input of other resources, and its crc32 is the result's id.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

from llmstrat_iac.errors import SandboxError
from llmstrat_iac.sandbox.provider.registry import Call, function
from llmstrat_iac.sandbox.provider.values import Props

VERSION = "2012-10-17"
# Go's encoding/json escapes these in text.
ESCAPES = {"&": "\\u0026", "<": "\\u003c", ">": "\\u003e", "\u2028": "\\u2028", "\u2029": "\\u2029"}
ORDER = (
    "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition",
)  # fmt: skip


@function("aws:iam/getPolicyDocument:getPolicyDocument")
def get_policy_document(_call: Call, args: Props) -> Props:
    """Source documents, then own statements, then override documents; the same sid overwrites in place."""
    if args.get("overrideJson") or args.get("sourceJson"):
        raise SandboxError("overrideJson and sourceJson are deprecated: use the lists of documents")
    policy: Props = {"Version": args.get("version") or VERSION}
    if args.get("policyId"):
        policy["Id"] = args["policyId"]
    statements: list[Props] = []
    for text in args.get("sourcePolicyDocuments") or []:
        _merge(statements, _parsed(text), unique=True)
    _merge(statements, [_statement(item) for item in args.get("statements") or []], unique=False)
    for text in args.get("overridePolicyDocuments") or []:
        _merge(statements, _parsed(text), unique=False)
    if statements:
        policy["Statement"] = statements
    pretty = _go_json(policy, indent=2)
    given = {key: value for key, value in args.items() if value is not None}
    return {
        **given,
        "version": policy["Version"],
        "json": pretty,
        "minifiedJson": _go_json(policy, indent=None),
        "id": str(zlib.crc32(pretty.encode())),
    }


def _merge(into: list[Props], more: list[Props], *, unique: bool) -> None:
    places = {item["Sid"]: index for index, item in enumerate(into) if item.get("Sid")}
    for statement in more:
        sid = statement.get("Sid")
        if sid and sid in places:
            if unique:
                raise SandboxError(f"duplicate Sid ({sid}) in sourcePolicyDocuments")
            into[places[sid]] = statement
        else:
            if sid:
                places[sid] = len(into)
            into.append(statement)


def _parsed(text: str) -> list[Props]:
    try:
        found = json.loads(text).get("Statement") or []
    except (ValueError, AttributeError) as error:
        raise SandboxError("a policy document isn't a JSON object") from error
    items = found if isinstance(found, list) else [found]
    return [{key: item[key] for key in ORDER if key in item} for item in items]


def _statement(block: Props) -> Props:
    parts: Props = {
        "Sid": block.get("sid"),
        "Effect": block.get("effect") or "Allow",
        "Action": _set(block.get("actions")),
        "NotAction": _set(block.get("notActions")),
        "Resource": _set(block.get("resources")),
        "NotResource": _set(block.get("notResources")),
        "Principal": _principals(block.get("principals")),
        "NotPrincipal": _principals(block.get("notPrincipals")),
        "Condition": _conditions(block.get("conditions")),
    }
    return {key: value for key, value in parts.items() if value}


def _set(values: list[str] | None) -> Any:
    """A set of texts: descending, a single one as itself."""
    texts = sorted({_variables(value) for value in values or []}, reverse=True)
    return texts[0] if len(texts) == 1 else texts


def _variables(text: str) -> str:
    """`&{aws:username}` is how a policy variable is written where `${}` means something else."""
    return text.replace("&{", "${")


def _principals(blocks: list[Props] | None) -> Any:
    result: dict[str, Any] = {}
    for block in blocks or []:
        if block["type"] == "*" and block["identifiers"] == ["*"]:
            return "*"
        known = result.get(block["type"], [])
        merged = [*([known] if isinstance(known, str) else known), *block["identifiers"]]
        result[block["type"]] = _set(merged)
    return dict(sorted(result.items()))


def _conditions(blocks: list[Props] | None) -> Any:
    result: dict[str, dict[str, list[str]]] = {}
    for block in blocks or []:
        values = [_variables(value) for value in block["values"]]
        result.setdefault(block["test"], {}).setdefault(_variables(block["variable"]), []).extend(values)
    return {
        test: {name: values[0] if len(values) == 1 else values for name, values in sorted(variables.items())}
        for test, variables in sorted(result.items())
    }


def _go_json(value: Any, indent: int | None) -> str:
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(value, indent=indent, separators=separators, ensure_ascii=False)
    for char, escape in ESCAPES.items():
        text = text.replace(char, escape)
    return text

"""Which inputs and outputs a type has, and of which types: read from the source text of the installed `pulumi_aws`.

Only the text of the one class is parsed, so nothing of `pulumi_aws` is imported and a type costs a few milliseconds
once. It knows names and types, never behaviour; that is `table.py`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

from llmstrat_iac.errors import SandboxError

Primitive = Literal["str", "int", "float", "bool", "any", "asset", "archive", "blob"]
GETTER: Final = re.compile(r'@pulumi\.getter(?:\(name="(\w+)"\))?\n(?:\s+@[^\n]*\n)*\s+def (\w+)\(')
ARGUMENT_KEY: Final = re.compile(r"__args__\['(\w+)'\] = (\w+)")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value without parts."""

    kind: Primitive


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list; `item` is the type of each element."""

    item: Type


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map with keys of the user's choice."""

    item: Type


@dataclass(frozen=True)
class ObjectOf:
    """A nested block: the class `name` of the module's `_inputs.py`, read when it is first looked into."""

    module: str
    name: str

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        return _class_fields(self.module, _source(self.module, "_inputs"), self.name)


@dataclass(frozen=True, slots=True)
class TextOr:
    """A text or the object that it encodes: JSON policy documents."""

    block: ObjectOf


Type = Scalar | ListOf | MapOf | ObjectOf | TextOr


@dataclass(frozen=True, slots=True)
class Field:
    """One property: its name in Pulumi's spelling, its type, and whether the class demands it."""

    name: str
    type: Type
    required: bool


TAGS_ALL: Final = Field("tagsAll", MapOf(Scalar("str")), required=False)


@dataclass(frozen=True, slots=True)
class Schema:
    """All properties of one type or function."""

    inputs: Mapping[str, Field]
    outputs: frozenset[str]

    def input_type(self, name: str) -> Type:
        """The type of an input (`tagsAll` counts as one: it is computed from inputs in Check)."""
        field = TAGS_ALL if name == TAGS_ALL.name else self.inputs.get(name)
        return field.type if field else Scalar("any")


@cache
def resource_schema(token: str) -> Schema:
    """The schema of a resource token such as `aws:iam/role:Role`."""
    module, file, name = split_token(token)
    text = _source(module, file)
    # The generator says InitArgs where a nested block has already taken the name.
    arguments = f"{name}Args" if f"\nclass {name}Args:" in text else f"{name}InitArgs"
    inputs = _class_fields(module, text, arguments)
    outputs = {camel for camel, _ in _getters(_block(text, name, r"\(pulumi\.CustomResource\)"))}
    return Schema(inputs, frozenset(outputs))


@cache
def function_schema(token: str) -> Schema:
    """The schema of a function token such as `aws:index/getRegion:getRegion`."""
    module, file, name = split_token(token)
    text = _source(module, file)
    snake = _snake(name)
    start = text.index(f"\ndef {snake}(")
    block = text[start : text.index("\ndef ", start + 1)]
    fields = _signature(block[: block.index('"""')], module)
    names = {snake_name: camel for camel, snake_name in ARGUMENT_KEY.findall(block)}
    result = _block(text, f"{name[0].upper()}{name[1:]}Result", "")
    outputs = {camel for camel, _ in _getters(result)}
    inputs = {names[key]: Field(names[key], kind, required) for key, (kind, required) in fields.items() if key in names}
    return Schema(inputs, frozenset(outputs))


@cache
def provider_schema() -> Schema:
    """The schema of the provider's own configuration."""
    return Schema(_class_fields("", _source("", "provider"), "ProviderArgs"), frozenset())


def split_token(token: str) -> tuple[str, str, str]:
    """`aws:iam/rolePolicy:RolePolicy` -> module `iam`, file `role_policy`, class `RolePolicy`."""
    _, path, name = token.split(":")
    module, _, file = path.partition("/")
    return ("" if module == "index" else module), _snake(file), name


def _snake(camel: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", camel).lower()


@cache
def _root() -> Path:
    spec = find_spec("pulumi_aws")
    if spec is None or spec.origin is None:
        raise SandboxError("the sandbox's aws provider needs the package pulumi_aws", remedy="pip install pulumi-aws")
    return Path(spec.origin).parent


@cache
def _source(module: str, file: str) -> str:
    folder = "lambda_" if module == "lambda" else module
    return (_root() / folder / f"{file}.py").read_text(encoding="utf-8")


def _block(text: str, name: str, bases: str) -> str:
    """The source of one top-level class."""
    match = re.search(rf"^class {name}{bases}:\n", text, re.MULTILINE)
    if match is None:
        raise KeyError(name)
    end = re.compile(r"^(?:class |def |async def |@)", re.MULTILINE).search(text, match.end())
    return text[match.start() : end.start() if end else len(text)]


def _getters(block: str) -> list[tuple[str, str]]:
    return [(camel or snake, snake) for camel, snake in GETTER.findall(block)]


def _class_fields(module: str, text: str, name: str) -> Mapping[str, Field]:
    block = _block(text, name, "")
    camel = {snake: name for name, snake in _getters(block)}
    start = block.find("def __init__(")
    if start < 0:
        return {}
    types = _signature(block[start : block.index("):\n", start)] + "): pass", module)
    return {camel[key]: Field(camel[key], kind, required) for key, (kind, required) in types.items() if key in camel}


def _signature(source: str, module: str) -> dict[str, tuple[Type, bool]]:
    """Argument name -> (type, required) of a function's source that ends with its signature."""
    text = source.strip()
    function = ast.parse(text if text.endswith("pass") else f"{text} pass").body[0]
    assert isinstance(function, ast.FunctionDef)
    result: dict[str, tuple[Type, bool]] = {}
    arguments = function.args
    positional = arguments.args
    missing = len(positional) - len(arguments.defaults)
    for index, argument in enumerate(positional):
        if argument.annotation is not None:
            result[argument.arg] = (_type(argument.annotation, module), index < missing)
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if argument.annotation is not None:
            result[argument.arg] = (_type(argument.annotation, module), default is None)
    return result


def _type(node: ast.expr, module: str) -> Type:
    if isinstance(node, ast.Subscript):
        return _subscript(node, module)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _named(node.value, module)
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else "any"
    kinds: dict[str, Primitive] = {
        "str": "str", "int": "int", "float": "float", "bool": "bool", "Asset": "asset", "Archive": "archive"
    }  # fmt: skip
    return Scalar(kinds.get(name, "any"))


def _subscript(node: ast.Subscript, module: str) -> Type:
    outer = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
    if outer in {"Input", "Optional"}:
        return _type(node.slice, module)
    if outer == "Sequence":
        return ListOf(_type(node.slice, module))
    assert isinstance(node.slice, ast.Tuple)
    if outer == "Mapping":
        return MapOf(_type(node.slice.elts[1], module))
    return _union([_type(part, module) for part in node.slice.elts if not _is_alias(part)])


def _is_alias(node: ast.expr) -> bool:
    """Whether a union member only repeats another one: the TypedDict twin, or the result class of a function."""
    return isinstance(node, ast.Constant) and str(node.value).endswith(("ArgsDict", "Result"))


def _union(parts: list[Type]) -> Type:
    kinds = {part.kind for part in parts if isinstance(part, Scalar)}
    if kinds == {"asset", "archive"}:
        return Scalar("blob")
    blocks = [part for part in parts if isinstance(part, ObjectOf)]
    if blocks:
        return TextOr(blocks[0]) if "str" in kinds else blocks[0]
    return parts[0]


def _named(name: str, module: str) -> Type:
    """A forward reference: a block (`RoleInlinePolicyArgs`, `_sns.XArgs`), or an enum or a resource's id: text."""
    if not name.endswith("Args"):
        return Scalar("str")
    other, dot, plain_name = name.rpartition(".")
    return ObjectOf(other.lstrip("_") if dot else module, plain_name)

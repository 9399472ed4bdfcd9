"""Rewrites pydantic's validation errors as problems in plain words, with the nearest field or value as remedy.

Imported only when a spec is wrong. Never repeats a value from below `credentials` or `options`: it may be a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from llmstrat_iac.spec.names import suggest
from llmstrat_iac.spec.problems import PROBLEM_TYPE, Path, Problem

_PRIVATE = frozenset({"credentials", "options"})
_KINDS: dict[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a block",
    type(None): "nothing",
}
_Writer = Callable[[ErrorDetails, str], str]


def explain(model: type[BaseModel], error: ValidationError, prefix: Path = ()) -> Iterator[Problem]:
    """Yield a problem for each error; `prefix` is the path of the model inside the file."""
    for found in error.errors(include_url=False):
        place = _place(model, found["loc"])
        if place is not None:
            yield _explain_one(model, {**found, "loc": place}, prefix)


def _explain_one(model: type[BaseModel], found: ErrorDetails, prefix: Path) -> Problem:
    path: Path = (*prefix, *found["loc"])
    field = _find_field(model, found["loc"])
    kind, context = found["type"], found.get("ctx", {})
    if kind == PROBLEM_TYPE:
        return Problem(path, str(context["message"]), str(context["remedy"]))
    if kind == "missing":
        return Problem(path, "is missing", _describe(f"add `{path[-1]}: …`", field))
    if kind == "extra_forbidden":
        siblings = _siblings(model, found["loc"])
        return Problem(path, f"there is no key `{path[-1]}` here", suggest(str(path[-1]), siblings), at_key=True)
    if kind in ("literal_error", "enum"):
        return _explain_choice(path, found, field)
    write = _MESSAGES.get(kind)
    message = write(found, _quote(path, found["input"])) if write else _lower(found["msg"])
    return Problem(path, message, _describe(_instead_of_a_value(field), field))


def _explain_choice(path: Path, found: ErrorDetails, field: FieldInfo | None) -> Problem:
    choices = [str(choice) for choice in _choices(field.annotation if field else None)]
    quoted = _quote(path, found["input"])
    message = f"{quoted} is not one of the choices" if quoted else "is not one of the choices"
    if len(choices) == 1:
        return Problem(path, message, f"write `{choices[0]}`")
    named = isinstance(found["input"], str) and quoted
    remedy = suggest(found["input"], choices) if named else f"choose one of: {', '.join(choices)}"
    return Problem(path, message, remedy)


def _must_be(what: str) -> _Writer:
    return lambda found, _quoted: f"must be {what}, not {_KINDS.get(type(found['input']), 'this')}"


def _whole_number(_found: ErrorDetails, quoted: str) -> str:
    return f"must be a whole number, not {quoted or 'this'}"


def _limit(words: str, key: str) -> _Writer:
    return lambda found, _quoted: f"must be {words} {found['ctx'][key]:g}"


def _pattern(_found: ErrorDetails, quoted: str) -> str:
    return f"{quoted or 'the value'} is not written as it must be"


def _too_short(found: ErrorDetails, _quoted: str) -> str:
    least = found["ctx"]["min_length"]
    unit = "characters" if isinstance(found["input"], str) else "entries"
    return "must not be empty" if least == 1 else f"must have at least {least} {unit}"


def _too_long(found: ErrorDetails, _quoted: str) -> str:
    unit = "characters" if isinstance(found["input"], str) else "entries"
    return f"must have at most {found['ctx']['max_length']} {unit}"


def _own(found: ErrorDetails, _quoted: str) -> str:
    return str(found["ctx"]["error"])


_MESSAGES: dict[str, _Writer] = {
    "string_type": _must_be("text"),
    "int_type": _must_be("a whole number"),
    "int_parsing": _whole_number,
    "int_parsing_size": _whole_number,
    "int_from_float": _whole_number,
    "float_type": _must_be("a number"),
    "float_parsing": _must_be("a number"),
    "finite_number": lambda _found, _quoted: "must be a finite number",
    "bool_type": _must_be("true or false"),
    "bool_parsing": _must_be("true or false"),
    "list_type": _must_be("a list"),
    "dict_type": _must_be("a block of `key: value` lines"),
    "model_type": _must_be("a block of `key: value` lines"),
    "greater_than": _limit("more than", "gt"),
    "greater_than_equal": _limit("at least", "ge"),
    "less_than": _limit("less than", "lt"),
    "less_than_equal": _limit("at most", "le"),
    "string_pattern_mismatch": _pattern,
    "string_too_short": _too_short,
    "string_too_long": _too_long,
    "too_short": _too_short,
    "too_long": _too_long,
    "value_error": _own,
}


def _quote(path: Path, value: Any) -> str:
    if _PRIVATE.intersection(path) or not isinstance(value, str | int | float):
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{text}`" if len(text) <= 60 else f"`{text[:57]}…`"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _describe(start: str, field: FieldInfo | None) -> str:
    description = field.description.rstrip(".") if field and field.description else ""
    return ": ".join(part for part in (start, _lower_word(description)) if part)


def _lower_word(text: str) -> str:
    """Start a sentence in lower case, unless it starts with an acronym or a name in backticks."""
    return _lower(text) if text[1:2].islower() or text.startswith("A ") else text


def _place(model: type[BaseModel], path: Path) -> Path | None:
    """The path as the file has it: pydantic adds which branch of `int | Literal["auto"]` it means.

    None for the branch of the word, whose description the number's has anyway.
    """
    annotation: Any = model
    place: list[str | int] = []
    for step in path:
        if _has_branches(annotation):
            if str(step).startswith("literal["):
                return None
            annotation = _present(annotation)
            continue
        annotation = _step(annotation, step)
        annotation = annotation.annotation if isinstance(annotation, FieldInfo) else annotation
        place.append(step)
    return tuple(place)


def _instead_of_a_value(field: FieldInfo | None) -> str:
    """The word that a field takes besides numbers or blocks, such as `auto`."""
    parts = get_args(field.annotation) if field is not None and _has_branches(field.annotation) else ()
    words = [f"`{word}`" for part in parts if get_origin(part) is Literal for word in get_args(part)]
    return f"or write {' or '.join(words)}" if words else ""


def _has_branches(annotation: Any) -> bool:
    if get_origin(annotation) not in (Union, UnionType):
        return False
    return sum(part is not type(None) for part in get_args(annotation)) > 1


def _find_field(model: type[BaseModel], path: Path) -> FieldInfo | None:
    """The field that a path inside the model ends in, or the last one before a list index."""
    annotation: Any = model
    field = None
    for step in path:
        annotation = _step(annotation, step)
        if isinstance(annotation, FieldInfo):
            field, annotation = annotation, annotation.annotation
    return field


def _siblings(model: type[BaseModel], path: Path) -> list[str]:
    annotation: Any = model
    for step in path[:-1]:
        annotation = _step(annotation, step)
        annotation = annotation.annotation if isinstance(annotation, FieldInfo) else annotation
    block = _block(annotation)
    return [] if block is None else [field.alias or name for name, field in block.model_fields.items()]


def _step(annotation: Any, step: str | int) -> Any:
    if isinstance(step, str):
        block = _block(annotation)
        return block.model_fields.get(step) if block else None
    return next(iter(get_args(_present(annotation))), None)


def _block(annotation: Any) -> type[BaseModel] | None:
    plain = _present(annotation)
    return plain if isinstance(plain, type) and issubclass(plain, BaseModel) else None


def _present(annotation: Any) -> Any:
    """The type of a value that is given: without `| None`, and without the word that may stand for it."""
    if get_origin(annotation) in (Union, UnionType):
        given = [part for part in get_args(annotation) if part is not type(None)]
        rest = [part for part in given if get_origin(part) is not Literal] or given
        return rest[0] if len(rest) == 1 else None
    return annotation


def _choices(annotation: Any) -> tuple[Any, ...]:
    plain = _present(annotation)
    if get_origin(plain) is Literal:
        return get_args(plain)
    if isinstance(plain, type) and issubclass(plain, Enum):
        return tuple(choice.value for choice in plain)
    return ()

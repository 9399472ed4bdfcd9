"""Reads a YAML 1.2 file into plain data and remembers where each key and value stands.

Knows nothing of the spec's fields. Every way in which a file can be unreadable ends as one `InvalidSpecError`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode
from ruamel.yaml.reader import ReaderError

from llmstrat_iac.spec.problems import InvalidSpecError, LocatedProblem, Path, Problem, format_path

MAX_BYTES = 1024 * 1024
MAX_NODES = 250_000
"""Values after aliases are expanded: room for 10,000 consumers, and the end of alias bombs."""
MAX_DEPTH = 100

_BRACKET = re.compile(r"[\[\]{}]")
_TAG = "tag:yaml.org,2002:"
_TAGS = frozenset(
    _TAG + kind for kind in ("null", "bool", "int", "float", "str", "timestamp", "value", "merge", "seq", "map")
)
_Position = tuple[int, int]


@dataclass
class Document:
    """A file's data with the positions (line, column; from 1) of its keys and values by path."""

    source: str
    data: dict[str, Any] = field(default_factory=dict)
    keys: dict[Path, _Position] = field(default_factory=dict)
    values: dict[Path, _Position] = field(default_factory=dict)

    def locate(self, problem: Problem) -> LocatedProblem:
        """Add file, line and column: those of the path, or of what is nearest to it."""
        line, column = self._position(problem.path, at_key=problem.at_key)
        return LocatedProblem(self.source, line, column, problem)

    def error(self, problems: Iterable[Problem]) -> InvalidSpecError:
        """One error with all the problems."""
        return InvalidSpecError(self.locate(problem) for problem in problems)

    def _position(self, path: Path, *, at_key: bool) -> _Position:
        if at_key and path in self.keys:
            return self.keys[path]
        if path in self.values:
            return self.values[path]
        while path:
            path = path[:-1]
            if path in self.keys:
                return self.keys[path]
            if path in self.values:
                return self.values[path]
        return (1, 1)


def read_document(path: FilePath) -> Document:
    """Read a YAML file whose top level is a mapping; InvalidSpecError says why it can't be."""
    return parse_document(str(path), _decode(str(path), _read(path)))


def parse_document(source: str, text: str) -> Document:
    """The same for a text that isn't a file yet; `source` names it in errors."""
    root = _compose(source, text)
    if root is None:
        raise _whole(source, "the file is empty", "`llmstrat init` writes a spec to start from")
    if not isinstance(root, MappingNode):
        raise _whole(source, "the top level must be `key: value` lines", "start with `apiVersion: llmstrat/v1`")
    document = Document(source)
    reader = _NodeReader(document)
    document.data = reader.value(root, ())
    if reader.problems:
        raise InvalidSpecError(reader.problems)
    return document


def _whole(source: str, message: str, remedy: str, line: int = 0, column: int = 0) -> InvalidSpecError:
    return InvalidSpecError([LocatedProblem(source, line, column, Problem((), message, remedy))])


def _read(path: FilePath) -> bytes:
    source = str(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise _whole(source, "there is no such file", "`llmstrat init` writes a spec to start from") from error
    except IsADirectoryError as error:
        raise _whole(source, "is a directory", "name the YAML file in it") from error
    except OSError as error:
        raise _whole(source, f"can't be read: {error.strerror}", "check the path and its permissions") from error
    if len(content) > MAX_BYTES:
        raise _whole(source, "is larger than 1 MiB", "a spec holds settings, not data; is this the right file?")
    return content


def _decode(source: str, content: bytes) -> str:
    if b"\0" in content:
        raise _whole(source, "is a binary file", "name a YAML file in UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        raise _whole(source, "is not UTF-8 text here", "save the file as UTF-8", line, column) from error


def _compose(source: str, text: str) -> Node | None:
    if _bracket_depth(text) > MAX_DEPTH:
        raise _too_deep(source)
    try:
        node: Node | None = YAML(typ="safe", pure=True, plug_ins=[]).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        if error.context and "single document" in error.context:
            message, remedy = "a second document starts here", "keep one spec a file: remove the `---` in between"
        else:
            message = f"not valid YAML: {' '.join(part for part in (error.context, error.problem) if part)}"
            remedy = "check indentation, quotes and brackets on this line and the one before"
        raise _whole(source, message, remedy, line, column) from error
    except ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        raise _whole(
            source, "holds a control character here", "remove it; YAML allows printable text only", line, column
        ) from error
    except YAMLError as error:
        raise _whole(source, f"not valid YAML: {error}", "check its syntax") from error
    except RecursionError as error:
        raise _too_deep(source) from error
    return node


def _bracket_depth(text: str) -> int:
    """How deep brackets nest, quotes and comments not told apart. The scanner's time grows with the square of it."""
    depth = deepest = 0
    for bracket in _BRACKET.findall(text):
        depth = depth + 1 if bracket in "[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def _too_deep(source: str) -> InvalidSpecError:
    return _whole(source, "is nested too deeply", "a spec has about five levels")


class _NodeReader:
    """Turns nodes into plain data, noting positions and problems on the way."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._count = 0
        self._open: set[int] = set()
        self.problems: list[LocatedProblem] = []

    def value(self, node: Node, path: Path) -> Any:
        self._count += 1
        if self._count > MAX_NODES:
            raise _whole(self._document.source, "its aliases expand without bounds", "write the values out")
        self._document.values[path] = _position(node)
        if str(node.tag) not in _TAGS:
            self._problem(node, path, f"the tag `{str(node.tag).removeprefix(_TAG)}` is not allowed", "remove it")
            return None
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            self._problem(node, path, "an alias contains itself", "write the value out")
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, MappingNode):
                return self._mapping(node, path)
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._problem(key_node, path, "a key must be plain text", "did you forget quotes around braces?")
                continue
            key = str(key_node.value)
            if key in data:
                first = self._document.keys[(*path, key)][0]
                where = f"in `{format_path(path)}`" if path else "at the top level"
                self._problem(
                    key_node,
                    (*path, key),
                    f"the key `{key}` stands twice {where}, first in line {first}",
                    "remove or rename one of the two",
                )
                continue
            self._document.keys[(*path, key)] = _position(key_node)
            data[key] = self.value(value_node, (*path, key))
        return data

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        text, kind = str(node.value), str(node.tag).removeprefix(_TAG)
        try:
            return _plain(text, kind)
        except ValueError:
            self._problem(node, path, f"`{text[:40]}` is no {kind}", "quote it if it is meant as text")
            return None

    def _problem(self, node: Node, path: Path, message: str, remedy: str) -> None:
        line, column = _position(node)
        self.problems.append(LocatedProblem(self._document.source, line, column, Problem(path, message, remedy)))


def _plain(text: str, kind: str) -> Any:
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int":
        digits = text.replace("_", "")
        return int(digits, 10 if digits.lstrip("+-").isdecimal() else 0)
    if kind == "float":
        return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _position(node: Node) -> _Position:
    return node.start_mark.line + 1, node.start_mark.column + 1

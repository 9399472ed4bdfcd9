"""What a dataset check can find: the rules with their remedies, one finding, and a collector that counts them all.

The collector keeps the first findings of each rule and counts the rest, so a file with a million faults costs no more
memory than one with ten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.plan import Severity


class DatasetError(LlmstratError):
    """A dataset can't be read at all, or can't be converted."""


@dataclass(frozen=True)
class Rule:
    """One thing that can be wrong with a dataset."""

    name: str
    severity: Severity
    remedy: str


@dataclass(frozen=True)
class DatasetFinding:
    """One place where a rule is broken. `line` counts from 1; None for a finding on the whole file."""

    rule: str
    severity: Severity
    file: str
    line: int | None
    message: str
    remedy: str

    @property
    def where(self) -> str:
        """`file:line`, which terminals and editors open."""
        return self.file if self.line is None else f"{self.file}:{self.line}"


_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO

NOT_UTF8 = Rule("not-utf8", _E, "save the file as UTF-8, e.g. `iconv -f latin1 -t utf-8`")
BOM = Rule("bom", _W, "save the file as UTF-8 without a byte order mark; `--fix` removes it")
NUL = Rule("nul", _E, "remove the NUL characters; `--fix` does")
CRLF = Rule("crlf", _W, "end lines with LF only; `--fix` does")
BLANK_LINE = Rule("blank-line", _W, "delete the empty lines; `--fix` does")
NOT_JSON = Rule("not-json", _E, "write one complete JSON object on each line; `--fix` drops the line")
LONG_LINE = Rule("long-line", _E, "split the example; `--fix` drops it")
SHAPE = Rule(
    "shape",
    _E,
    'use {"messages": [...]}, {"prompt", "completion"}, or {"prompt" or "messages", "chosen", "rejected"}',
)
METHOD = Rule("method", _E, "choose the other method (in a spec, `objective`), or give a file of the right kind")
ROLES = Rule("roles", _E, "user and assistant in turn, after an optional system message where one is allowed")
SINGLE_TURN = Rule("single-turn", _E, "split the conversation into one example an answer")
TOOLS = Rule("tools", _E, "take tool calls out, or tune with a vendor that trains on them (openai)")
EMPTY = Rule("empty", _E, "fill the text in, or drop the example; `--fix` drops it")
TOO_LONG = Rule("too-long", _E, "shorten or split the example; `--fix` drops it")
RESERVED_WORD = Rule("reserved-word", _E, "replace the word; `--fix` puts a spelling that the vendor accepts")
EXTRA_KEY = Rule("extra-key", _E, "remove the key; `--fix` does")
UNUSED_KEY = Rule("unused-key", _W, "the key isn't sent to the vendor; `--fix` removes it")
SAME_ANSWERS = Rule("same-answers", _E, "`chosen` and `rejected` must differ; `--fix` drops the example")
DUPLICATE = Rule("duplicate", _W, "repeated examples weigh double and cost double; `--fix` keeps the first")
DUPLICATES_PARTIAL = Rule("duplicates-partial", _I, "sort or shard the file to compare all of it")
LEAKAGE = Rule(
    "leakage", _W, "a validation example that was trained on measures nothing; `--fix` drops it from training"
)
NO_EXAMPLES = Rule("no-examples", _E, "the file needs at least one example")
TOO_FEW = Rule("too-few", _E, "add examples")
FEW = Rule("few", _W, "results are poor below this number; add examples")
TOO_MANY = Rule("too-many", _E, "cut the file down, or ask the vendor for a higher quota")
TOO_BIG = Rule("too-big", _E, "cut the file down")
FILE_NAME = Rule("file-name", _E, "rename the file")

RULES: tuple[Rule, ...] = (
    *(NOT_UTF8, BOM, NUL, CRLF, BLANK_LINE, NOT_JSON, LONG_LINE),
    *(SHAPE, METHOD, ROLES, SINGLE_TURN, TOOLS, EMPTY, TOO_LONG, RESERVED_WORD, EXTRA_KEY, UNUSED_KEY, SAME_ANSWERS),
    *(DUPLICATE, DUPLICATES_PARTIAL, LEAKAGE, NO_EXAMPLES, TOO_FEW, FEW, TOO_MANY, TOO_BIG, FILE_NAME),
)


class Findings:
    """Collects findings: the first `keep` of each rule, and how many there were."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._shown: list[DatasetFinding] = []
        self._counts: dict[Rule, int] = {}

    def add(self, rule: Rule, file: str, line: int | None, message: str) -> None:
        """Record one place where a rule is broken."""
        seen = self._counts.get(rule, 0)
        self._counts[rule] = seen + 1
        if seen < self._keep:
            self._shown.append(DatasetFinding(rule.name, rule.severity, file, line, message, rule.remedy))

    @property
    def shown(self) -> tuple[DatasetFinding, ...]:
        """The kept findings, the gravest rules first, then in the order of the files."""
        order = {rule.name: index for index, rule in enumerate(RULES)}
        rank = {_E: 0, _W: 1, _I: 2}
        return tuple(sorted(self._shown, key=lambda f: (rank[f.severity], order[f.rule])))

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each rule was broken, shown or not."""
        return {rule.name: self._counts[rule] for rule in RULES if rule in self._counts}

    @property
    def errors(self) -> int:
        """How many findings stop a job."""
        return sum(count for rule, count in self._counts.items() if rule.severity is _E)

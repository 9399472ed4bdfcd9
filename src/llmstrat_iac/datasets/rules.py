"""What a vendor demands of a training file, as frozen data: one record for each vendor, model family and method.

The built-in table is in `vendors`; a provider plugin passes its own records beside it. Every limit names its source;
a limit that isn't known is None, and isn't checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from llmstrat_iac.datasets.example import Example
from llmstrat_iac.datasets.findings import DatasetError


class Method(StrEnum):
    """How a model is tuned."""

    SUPERVISED = "supervised"
    PREFERENCE = "preference"


@dataclass(frozen=True)
class Limit:
    """A number that a vendor sets, and where it says so."""

    value: int
    source: str


@dataclass(frozen=True)
class VendorRules:
    """The demands of one vendor on the training file for some models and one method."""

    name: str
    models: str
    """Glob pattern (`*`, `?`) of base model ids."""
    method: Method
    format: str
    """The vendor's name for its file format, for messages."""
    convert: Callable[[Example], Mapping[str, Any]]
    """Neutral example to the vendor's JSON object."""
    source: str
    """Where the format is documented."""
    roles: frozenset[str] = frozenset({"system", "user", "assistant"})
    alternates: bool = True
    """Whether user and assistant must take turns, the user first."""
    single_turn: bool = False
    record_keys: frozenset[str] = frozenset()
    """Further keys of an example that the vendor takes."""
    message_keys: frozenset[str] = frozenset()
    """Further keys of a message that the vendor takes."""
    extra_keys_fail: bool = False
    """Whether other keys are an error; else they are left out, with a warning."""
    reserved_words: tuple[tuple[str, str], ...] = ()
    """Words that make the job fail, in any case, each with a spelling that doesn't."""
    min_examples: Limit | None = None
    advised_examples: Limit | None = None
    max_examples: Limit | None = None
    max_validation_examples: Limit | None = None
    max_bytes: Limit | None = None
    max_example_tokens: Limit | None = None
    file_name: str | None = None
    """Regular expression that the file's name must match whole."""
    tokenizer: str | None = None
    """The vendor's own tokenizer, where its encoding is public."""

    @property
    def title(self) -> str:
        """Short name for messages: vendor and model family."""
        return self.name if self.models == "*" else f"{self.name}/{self.models}"


def find_rules(table: Iterable[VendorRules], vendor: str, model: str | None, method: Method) -> VendorRules:
    """The first record that fits; without a model, the vendor's first. DatasetError lists the choices."""
    records = tuple(table)
    of_vendor = [record for record in records if record.name == vendor]
    if not of_vendor:
        names = sorted({record.name for record in records})
        near = get_close_matches(vendor, names, n=1)
        raise DatasetError(
            f"no training format is known for `{vendor}`",
            remedy=f"did you mean `{near[0]}`?" if near else f"choose one of: {', '.join(names)}",
        )
    of_model = [record for record in of_vendor if model is None or fnmatchcase(model, record.models)]
    if not of_model:
        patterns = ", ".join(dict.fromkeys(record.models for record in of_vendor))
        raise DatasetError(f"`{vendor}` has no tunable model `{model}`", remedy=f"known are: {patterns}")
    for record in of_model:
        if record.method is method:
            return record
    methods = ", ".join(sorted({record.method for record in of_model}))
    raise DatasetError(
        f"`{'/'.join(filter(None, (vendor, model)))}` can't be tuned by {method}", remedy=f"it takes: {methods}"
    )

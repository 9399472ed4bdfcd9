"""The sweep's frame for vendors outside AWS: as for AWS, "couldn't look" is never "nothing there"."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from llmstrat_iac.components.leftovers import UNCHECKED
from llmstrat_iac.components.tuning.vendor_api import VendorApi
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import Leftover


@dataclass(frozen=True)
class VendorFound:
    """Something that is still there, and how to remove it."""

    type: str
    id: str
    detail: str
    billed: bool
    remove: Callable[[], object]


def sweep_vendor(
    vendor: str,
    find: Callable[[VendorApi], Iterable[VendorFound]],
    open_api: Callable[[], VendorApi],
    *,
    remove: bool,
) -> Iterator[Leftover]:
    """Find, and remove if told to."""
    try:
        found = list(find(open_api()))
    except LlmstratError as error:
        yield Leftover(f"{vendor} tuning", UNCHECKED, f"couldn't be checked: {error.message}", False, False)
        return
    for each in found:
        detail, removed = each.detail, False
        if remove:
            try:
                each.remove()
                removed = True
            except LlmstratError as error:
                detail = f"{detail}; couldn't be removed: {error.message}".removeprefix("; ")
        yield Leftover(each.type, each.id, detail, each.billed, removed)

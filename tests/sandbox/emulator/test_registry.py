"""Additions refuse an upstream they weren't written for; each says why it is there."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version

import pytest

from llmstrat_iac.errors import SandboxError
from llmstrat_iac.sandbox.emulator.additions import ADDITIONS
from llmstrat_iac.sandbox.emulator.additions.registry import Addition, Seam


@pytest.mark.parametrize("addition", ADDITIONS, ids=lambda addition: addition.name)
def test_the_installed_upstream_has_every_seam(addition: Addition) -> None:
    addition.check(version("ministack"))
    assert addition.why


def test_names_are_unique() -> None:
    names = [addition.name for addition in ADDITIONS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("installed", ["1.5.32", "1.6.0", "2.0"])
def test_another_version_is_refused(installed: str) -> None:
    with pytest.raises(SandboxError, match=rf"ministack {installed} is outside >=1\.5\.33,<1\.6"):
        ADDITIONS[0].check(installed)


@pytest.mark.parametrize(
    ("seam", "problem"),
    [
        (Seam("json", "absent", ()), "json.absent is gone"),
        (Seam("json", "dumps", ("text",)), "json.dumps now takes"),
    ],
)
def test_a_changed_seam_is_refused(seam: Seam, problem: str) -> None:
    with pytest.raises(SandboxError, match=problem):
        replace(ADDITIONS[0], seams=(seam,)).check("1.5.33")

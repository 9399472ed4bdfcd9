"""The emulator with all of its additions and those of `gateway_updates`, registered there or not."""

from __future__ import annotations

from importlib.metadata import version

from llmstrat_iac.sandbox.emulator import __main__, additions
from llmstrat_iac.sandbox.provider import gateway_updates

if __name__ == "__main__":
    known = {addition.name for addition in additions.ADDITIONS}
    missing = [addition for addition in gateway_updates.ADDITIONS if addition.name not in known]
    for addition in missing:
        addition.check(version("ministack"))
    additions.ADDITIONS += tuple(missing)
    __main__.main()

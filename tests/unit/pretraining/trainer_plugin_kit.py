"""The trainer of docs/plugins.md as a package of its own, laid out as the page says."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "plugins.md"
DISTRIBUTION, PACKAGE = "llmstrat-iac-bigram", "llmstrat_iac_bigram"


def install_bigram(folder: Path) -> None:
    """Write it where Python finds it with its entry point, once the folder is on the path."""
    package = folder / PACKAGE
    (package / "node").mkdir(parents=True)
    (package / "__init__.py").write_text(_block("def llmstrat_trainers"), encoding="utf-8")
    (package / "node" / "__init__.py").write_text('"""What runs on the nodes."""\n', encoding="utf-8")
    for name in ("train.py", "export.py"):
        (package / "node" / name).write_text(_block(f'"""node/{name}: '), encoding="utf-8")
    facts = folder / f"{PACKAGE}-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(f"[llmstrat_iac]\nbigram = {PACKAGE}\n")


def _block(start: str) -> str:
    """The page's Python that has this in it."""
    found = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (module,) = [text for text in found if start in text]
    return str(module)

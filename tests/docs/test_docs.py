"""The documentation is true: links lead somewhere, specs validate, snippets are code, generated parts are fresh."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from llmstrat_iac.cli import cli
from llmstrat_iac.cli.group import COMMANDS
from llmstrat_iac.planner.load import load_spec

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "plugins/*/*.md", "stacks/**/*.md", "examples/**/*.md")
    for path in ROOT.glob(pattern)
)
_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!`)\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)
_COMMAND = re.compile(r"^\s*llmstrat (?P<words>[a-z].*)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: its first word is the language, `fragment` says that it's only a part."""

    page: Path
    line: int
    info: tuple[str, ...]
    body: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    """Every block in one of these languages."""
    return [block for page in PAGES for block in _blocks(page) if block.info and block.info[0] in languages]


def _blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        lines = match["body"].splitlines()
        body = "\n".join(line.removeprefix(match["indent"]) for line in lines) + "\n"
        yield Block(page, text.count("\n", 0, match.start()) + 1, tuple(match["info"].split()), body)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = (re.sub(r"[^\w\- ]", "", match["text"].lower()) for match in _HEADING.finditer(text))
    return {heading.strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for match in _LINK.finditer(text):
        target, _, anchor = match["target"].partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{page.name} links to `{target}`, which doesn't exist"
        if anchor:
            assert anchor in anchors(file), f"{page.name} links to `{match['target']}`: there is no such heading"


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_specs_in_the_docs_are_valid(block: Block, tmp_path: Path) -> None:
    if "fragment" in block.info:
        whole = next(one for one in blocks("yaml") if one.page.name == "getting-started.md").body
        body = whole + block.body
    else:
        body = block.body
    spec = tmp_path / "spec.yaml"
    spec.write_text(body, encoding="utf-8")
    load_spec(spec)


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_in_the_docs_compiles(block: Block) -> None:
    compile(block.body, str(block), "exec")


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_toml_in_the_docs_parses(block: Block) -> None:
    tomllib.loads(block.body)


@pytest.mark.parametrize("block", blocks("bash"), ids=str)
def test_shell_in_the_docs_parses_and_names_real_targets(block: Block) -> None:
    subprocess.run(["bash", "-n"], input=block.body, text=True, check=True)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^\s*make ([a-z]+)", block.body, re.MULTILINE):
        assert f"\n{target}:" in makefile, f"{block}: there is no `make {target}`"


@pytest.mark.parametrize("block", blocks("bash", "text"), ids=str)
def test_commands_in_the_docs_exist_with_their_options(block: Block) -> None:
    """Asks each command that a reader could type for its help, and finds the options that are used in it."""
    if block.page.name == "cli.md":
        return  # generated from the help itself
    for match in _COMMAND.finditer(block.body):
        words = match["words"].partition(" #")[0].split()
        assert words[0] in COMMANDS, f"{block}: there is no `llmstrat {words[0]}`"
        path = words[:2] if words[0] in ("sandbox", "engine", "keys", "capacity") else words[:1]
        shown = CliRunner().invoke(cli, [*path, "--help"])
        assert shown.exit_code == 0, f"{block}: `llmstrat {' '.join(path)}`: {shown.output}"
        for option in (word for word in words if word.startswith("--")):
            assert option in shown.output, f"{block}: `llmstrat {' '.join(path)}` has no `{option}`"


def test_generated_docs_are_fresh() -> None:
    run = subprocess.run(
        [sys.executable, "tools/generate_docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def plugin(hook: str) -> Block:
    """The module in plugins.md that implements this hook."""
    (block,) = [one for one in blocks("python") if one.page.name == "plugins.md" and f"def {hook}(" in one.body]
    return block


def test_the_plugin_in_the_docs_is_a_plugin() -> None:
    """The whole provider of plugins.md, executed: it registers and yields what the page says."""
    from llmstrat_iac.hookspecs import Provider

    block = plugin("llmstrat_providers")
    namespace: dict[str, object] = {"__name__": "llmstrat_iac_acme"}
    exec(compile(block.body, str(block), "exec"), namespace)
    hook = namespace["llmstrat_providers"]
    assert callable(hook)
    (provider,) = hook()
    assert isinstance(provider, Provider)
    upstream = provider.upstream(provider.options.model_validate({"zone": "b"}), "us-east-1")
    assert upstream.base_url == "https://b.acme.example/v1"

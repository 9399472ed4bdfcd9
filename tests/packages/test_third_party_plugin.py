"""A stranger's package: built, installed beside the toolkit's own wheel in a fresh environment, and used from there.

Needs no registry: the packages that both depend on are borrowed from the environment that runs the tests.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "plugins" / "llmstrat-iac-mistral"
SPEC = """\
apiVersion: llmstrat/v1
name: stranger
strategy: closed-api
owner: ml-platform@example.com
region: eu-west-1
{plugins}
data: {{classification: internal}}
limits: {{ttl: 8h}}
endpoint:
  consumers:
    - {{name: web, models: [main]}}
providers:
  - name: mistral
    options: {{inference_region: {region}}}
    credentials: {{secret: "env:MISTRAL_API_KEY"}}
    models: [{{alias: main, id: mistral-small-2603}}]
"""
ENABLED = "plugins: [llmstrat-iac-mistral]"


@dataclass(frozen=True)
class Installation:
    """A fresh virtual environment with the two wheels."""

    folder: Path

    def llmstrat(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the installed command in an empty working folder."""
        work = self.folder.parent / "work"
        work.mkdir(exist_ok=True)
        return subprocess.run(
            [self.folder / "bin" / "llmstrat", *arguments], cwd=work, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("wheels")
    for project in (ROOT, PLUGIN):
        command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
        subprocess.run(command, cwd=project, check=True, capture_output=True)
    return sorted(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installation(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Installation:
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(subprocess.check_output([python, "-c", where], text=True).strip())
    # A line of a .pth file joins the path behind the environment's own packages, and its own .pth files aren't read:
    # the dependencies come from there, the two editable installations don't.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    install = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--force-reinstall"]
    subprocess.run([python, *install, *wheels], check=True, capture_output=True)
    return Installation(folder)


def write_spec(folder: Path, *, plugins: str = ENABLED, region: str = "global") -> str:
    spec = folder / "spec.yaml"
    spec.write_text(SPEC.format(plugins=plugins, region=region), encoding="utf-8")
    return str(spec)


def test_the_wheel_carries_what_the_toolkit_reads(wheels: list[Path]) -> None:
    (toolkit,) = [wheel for wheel in wheels if "mistral" not in wheel.name]
    names = set(zipfile.ZipFile(toolkit).namelist())
    assert {
        "llmstrat_iac/engine/modules/cli/go.sum",
        "llmstrat_iac/engine/modules/python-host/go.sum",
        "llmstrat_iac/catalog/closed_models.csv",
        "llmstrat_iac/relay/app.py",
        "llmstrat_iac/py.typed",
    } <= names


def test_it_runs_from_the_wheel_and_not_from_the_clone(installation: Installation) -> None:
    where = "import llmstrat_iac, llmstrat_iac_mistral as m; print(llmstrat_iac.__file__, m.__file__)"
    shown = subprocess.check_output([installation.folder / "bin" / "python", "-c", where], text=True)
    assert shown.count(str(installation.folder)) == 2


def test_an_installed_plugin_does_nothing_unless_enabled(installation: Installation, tmp_path: Path) -> None:
    run = installation.llmstrat("validate", write_spec(tmp_path, plugins=""))
    assert run.returncode == 1
    assert "there is no provider `mistral`" in run.stderr
    assert "Traceback" not in run.stderr


def test_an_enabled_plugin_is_named_with_its_origin(installation: Installation) -> None:
    run = installation.llmstrat("plugins", "--json")
    assert run.returncode == 0, run.stderr
    assert "llmstrat-iac-mistral" in run.stdout


def test_its_options_are_checked_and_reported_under_their_path(installation: Installation, tmp_path: Path) -> None:
    run = installation.llmstrat("validate", write_spec(tmp_path, region="mars"))
    assert run.returncode == 1
    assert "providers[0].options.inference_region" in run.stderr
    line = SPEC[: SPEC.index("options:")].count("\n") + 1
    assert f"spec.yaml:{line}:" in run.stderr


def test_its_prices_and_its_check_are_in_the_plan(installation: Installation, tmp_path: Path) -> None:
    run = installation.llmstrat("plan", write_spec(tmp_path, region="eu"), "--json")
    assert run.returncode == 0, run.stderr
    plan = json.loads(run.stdout)
    (price,) = plan["token_prices"]
    assert (price["provider"], price["model"]) == ("mistral", "mistral-small-2603")
    assert (price["usd_per_mtok_input"], price["usd_per_mtok_output"]) == (0.15, 0.6)
    paths = {finding["rule"]: finding["path"] for finding in plan["findings"]}
    assert paths["mistral-regional-price"] == "providers[0].options.inference_region"


def test_restricted_data_may_not_go_to_it(installation: Installation, tmp_path: Path) -> None:
    spec = Path(write_spec(tmp_path))
    spec.write_text(spec.read_text(encoding="utf-8").replace("internal", "restricted"), encoding="utf-8")
    run = installation.llmstrat("plan", str(spec))
    assert run.returncode == 1
    assert "restricted" in run.stdout + run.stderr


def test_the_schema_has_its_options(installation: Installation) -> None:
    run = installation.llmstrat("schema", "--plugin", "llmstrat-iac-mistral")
    assert run.returncode == 0, run.stderr
    assert "inference_region" in run.stdout
    plain = installation.llmstrat("schema")
    assert "inference_region" not in plain.stdout

"""Which backend is chosen, what encrypts its secrets, and what is refused."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from llmstrat_iac.engine.backends import Backend, BackendError, choose_backend, s3_url

KMS = "awskms://alias/llmstrat?region=us-east-1"


def test_default_is_a_private_folder_with_a_passphrase_of_its_own(tmp_path: Path) -> None:
    backend = choose_backend({}, data_dir=tmp_path)
    state, passphrase = tmp_path / "state", tmp_path / "state.passphrase"
    assert backend.environment() == {
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
    }
    assert not state.exists()
    backend.prepare()
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert stat.S_IMODE(passphrase.stat().st_mode) == 0o600
    first = passphrase.read_text()
    backend.prepare()
    assert passphrase.read_text() == first
    other = choose_backend({}, data_dir=tmp_path / "other")
    other.prepare()
    assert other.passphrase_file is not None
    assert other.passphrase_file.read_text() != first


def test_passphrase_is_not_remade_for_existing_state(tmp_path: Path) -> None:
    backend = choose_backend({}, data_dir=tmp_path)
    backend.prepare()
    record = tmp_path / "state" / ".pulumi" / "stacks" / "proj" / "dev.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    (tmp_path / "state.passphrase").unlink()
    with pytest.raises(BackendError, match=r"the passphrase of the existing state in `.*` is gone") as caught:
        backend.prepare()
    assert "restore that file, or set PULUMI_CONFIG_PASSPHRASE" in str(caught.value)


def test_backups_of_removed_stacks_are_no_existing_state(tmp_path: Path) -> None:
    backend = choose_backend({}, data_dir=tmp_path)
    backup = tmp_path / "state" / ".pulumi" / "stacks" / "proj" / "dev.json.bak"
    backup.parent.mkdir(parents=True)
    backup.write_text("{}")
    backend.prepare()
    assert (tmp_path / "state.passphrase").exists()


@pytest.mark.parametrize("variable", ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"])
def test_the_users_passphrase_wins(tmp_path: Path, variable: str) -> None:
    own = tmp_path / "own"
    own.write_text("mine")
    backend = choose_backend({variable: str(own)}, data_dir=tmp_path)
    assert backend.passphrase_file is None
    backend.prepare()
    assert not (tmp_path / "state.passphrase").exists()


def test_empty_or_missing_passphrase_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="is set but empty"):
        choose_backend({"PULUMI_CONFIG_PASSPHRASE": ""}, data_dir=tmp_path)
    with pytest.raises(BackendError, match="there is no file"):
        choose_backend({"PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "none")}, data_dir=tmp_path)


def test_environments_backend_wins_over_the_one_asked_for(tmp_path: Path) -> None:
    environment = {"PULUMI_BACKEND_URL": f"file://{tmp_path}/box", "PULUMI_CONFIG_PASSPHRASE": "x"}
    for asked in (
        choose_backend(environment, url="s3://team", secrets_provider=KMS, data_dir=tmp_path),
        choose_backend(environment, use_login=True, data_dir=tmp_path),
    ):
        assert asked.url == f"file://{tmp_path}/box"
        assert asked.state_dir == tmp_path / "box"


def test_s3_needs_a_key_or_a_passphrase(tmp_path: Path) -> None:
    url = s3_url("team-state", region="us-east-1", prefix="/llm/")
    assert url == "s3://team-state/llm?region=us-east-1"
    backend = choose_backend({}, url=url, secrets_provider=KMS, data_dir=tmp_path)
    assert (backend.url, backend.secrets_provider, backend.passphrase_file) == (url, KMS, None)
    assert choose_backend({"PULUMI_CONFIG_PASSPHRASE": "x"}, url=url, data_dir=tmp_path).url == url
    with pytest.raises(BackendError, match="has nothing to encrypt secrets with") as caught:
        choose_backend({}, url=url, data_dir=tmp_path)
    assert "awskms://" in str(caught.value)


def test_logged_in_backend_sets_no_variable(tmp_path: Path) -> None:
    assert choose_backend({}, use_login=True, data_dir=tmp_path).environment() == {}


def test_settings_of_two_backends_are_apart(tmp_path: Path) -> None:
    def workspaces(url: str) -> Path:
        return choose_backend({}, url=url, secrets_provider=KMS, data_dir=tmp_path).workspaces

    urls = ["s3://one", "s3://two", f"file://{tmp_path}/a", f"file://{tmp_path}/b", "https://api.pulumi.com"]
    assert len({workspaces(url) for url in urls}) == len(urls)


@pytest.mark.parametrize(
    ("url", "folder"),
    [("file:///a/b%20c", Path("/a/b c")), ("file://~/x", Path.home() / "x"), ("file:///a?no_tmp_dir=true", Path("/a"))],
)
def test_local_folder_of_a_url(url: str, folder: Path) -> None:
    assert Backend(url, None, None, Path("/w")).state_dir == folder


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.touch()
    backend = choose_backend({"PULUMI_BACKEND_URL": f"file://{blocker}/state"}, data_dir=tmp_path)
    with pytest.raises(BackendError, match="the folder for state can't be created: Not a directory"):
        backend.prepare()

"""What goes wrong with the real engine, and the error that says so. Nothing here is only text matched against text."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import engine_programs as programs
import pulumi
import pytest
from engine_kit import Bench
from engine_programs import FolderEntry, entries

from llmstrat_iac.engine.backends import BackendError, choose_backend
from llmstrat_iac.engine.events import Diagnostic, EngineEvent, Op, ResourceFailed, Severity
from llmstrat_iac.engine.failures import DiskFullError, PassphraseError, ResourceError, StateError
from llmstrat_iac.errors import CredentialError, EngineError

SMALL_DISK_BYTES = 256 * 1024


def test_our_error_in_the_program_comes_out_as_itself(bench: Bench) -> None:
    error = CredentialError("providers[0].credentials: `OPENAI_API_KEY` isn't set", remedy="set it")

    def program() -> None:
        raise error

    events: list[EngineEvent] = []
    with pytest.raises(CredentialError) as caught:
        bench.stack(program).up(events.append)
    assert caught.value is error
    assert "Traceback" not in repr(events)


def test_our_error_in_an_apply_comes_out_as_itself(bench: Bench) -> None:
    error = CredentialError("late")

    def complain(_size: int) -> int:
        raise error

    def program() -> None:
        pulumi.export("size", FolderEntry("one", bench.cloud).size.apply(complain))

    with pytest.raises(CredentialError) as caught:
        bench.stack(program).up()
    assert caught.value is error


def test_a_bug_in_the_program_keeps_its_type_and_traceback(bench: Bench) -> None:
    def program() -> None:
        {}["missing"]

    with pytest.raises(KeyError, match="missing") as caught:
        bench.stack(program).preview()
    assert caught.traceback[-1].name == "program"


def test_a_failing_callback_ends_the_operation_with_its_error(bench: Bench) -> None:
    def on_event(_event: EngineEvent) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        bench.stack(programs.nothing).up(on_event)


def test_refused_resource_is_named_and_the_rest_is_recorded(bench: Bench) -> None:
    def program() -> None:
        good = FolderEntry("good", bench.cloud)
        bad = FolderEntry("bad", bench.cloud, fail=True, opts=programs.after(good))
        FolderEntry("later", bench.cloud, opts=programs.after(bad))

    events: list[EngineEvent] = []
    stack = bench.stack(program)
    with pytest.raises(ResourceError) as caught:
        stack.up(events.append)
    assert "create of `bad` (pulumi-python:dynamic/test:FolderEntry) failed" in caught.value.message
    assert "the folder refused bad" in caught.value.message
    assert [one.name for one in events if isinstance(one, ResourceFailed)] == ["bad"]
    assert any(isinstance(one, Diagnostic) and one.severity is Severity.ERROR for one in events)
    assert {one.name for one in stack.resources() if one.is_physical} == {"good"}
    stack.destroy(remove=True)
    assert bench.things() == set()


def test_wrong_passphrase(bench: Bench) -> None:
    def program() -> None:
        pulumi.export("key", pulumi.Output.secret("hush"))

    bench.with_environment(PULUMI_CONFIG_PASSPHRASE="the right one").stack(program).up()
    wrong = bench.with_environment(PULUMI_CONFIG_PASSPHRASE="another").stack(program)
    for operation in (wrong.preview, wrong.up, wrong.destroy):
        with pytest.raises(PassphraseError, match="the passphrase doesn't fit"):
            operation()


def test_wrong_passphrase_on_a_machine_without_the_settings(bench: Bench) -> None:
    def program() -> None:
        pulumi.export("key", pulumi.Output.secret("hush"))

    right = bench.with_environment(PULUMI_CONFIG_PASSPHRASE="the right one").stack(program)
    right.up()
    (right.workspace / "Pulumi.dev.yaml").unlink()
    wrong = bench.with_environment(PULUMI_CONFIG_PASSPHRASE="another").stack(program)
    with pytest.raises(PassphraseError, match="the passphrase doesn't fit"):
        wrong.up()
    assert right.outputs(show_secrets=True).values["key"] == "hush"


def test_lost_passphrase_file_is_not_replaced(bench: Bench) -> None:
    stack = bench.stack(programs.nothing)
    stack.up()
    (bench.data / "state.passphrase").unlink()
    with pytest.raises(BackendError, match=r"passphrase of the existing state .* is gone"):
        stack.up()
    assert not (bench.data / "state.passphrase").exists()


@pytest.mark.parametrize("damage", ["", "{", '{"version": 3, "checkpoint": 7}'])
def test_damaged_state(bench: Bench, damage: str) -> None:
    stack = bench.stack(programs.nothing)
    stack.up()
    (file,) = (bench.data / "state" / ".pulumi" / "stacks").rglob("dev.json")
    file.write_text(damage)  # in place, so that the copy which is kept under a second name is damaged too
    for operation in (stack.up, stack.snapshot):
        with pytest.raises(StateError, match="the recorded state is damaged"):
            operation()


def test_missing_plugin(bench: Bench) -> None:
    def program() -> None:
        pulumi.ProviderResource("llmstratnone", "one", {}, pulumi.ResourceOptions(version="1.2.3"))

    offline = bench.with_environment(PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION="true")
    with pytest.raises(EngineError, match=r"a provider plugin is missing: .*llmstratnone"):
        offline.stack(program).up()


def test_backend_that_cannot_be_written(bench: Bench) -> None:
    blocked = bench.data / "blocked"
    blocked.parent.mkdir()
    blocked.write_text("a file where the folder should be")
    with pytest.raises(BackendError, match="can't be created"):
        bench.with_environment(PULUMI_BACKEND_URL=f"file://{blocked}/state").stack(programs.nothing).up()


def test_state_that_needs_a_passphrase_where_none_is_set(bench: Bench) -> None:
    backend = replace(bench.engine.backend, passphrase_file=None)
    with pytest.raises(PassphraseError, match="encrypted with a passphrase, and none is set"):
        replace(bench.engine, backend=backend).stack("proj", "dev", programs.nothing).up()


def test_nobody_is_logged_in(bench: Bench) -> None:
    backend = choose_backend({}, use_login=True, data_dir=bench.data)
    with pytest.raises(EngineError, match="nobody is logged in"):
        replace(bench.engine, backend=backend).stack("proj", "dev", programs.nothing).up()


def test_team_backend_and_key_that_do_not_answer(bench: Bench) -> None:
    """Nothing listens at port 1, and the credentials are made up."""
    offline = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_MAX_ATTEMPTS": "1"}
    environment = {**bench.engine.environment, **offline, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    key = "awskms://alias/llmstrat?region=us-east-1"
    url = "s3://llmstrat-none?region=us-east-1&endpoint=http://127.0.0.1:1&s3ForcePathStyle=true"
    for place, error, message in (
        (url, StateError, "the backend can't be reached"),
        (f"file://{bench.data}/keyed", PassphraseError, "the key that encrypts secrets can't be used"),
    ):
        backend = choose_backend(environment, url=place, secrets_provider=key, data_dir=bench.data)
        engine = replace(bench.engine, backend=backend, environment=environment)
        with pytest.raises(error, match=message):
            engine.stack("proj", "dev", programs.nothing).up()


def test_nearly_full_disk_is_refused_before_anything_is_done(bench: Bench) -> None:
    engine = replace(bench.engine, minimum_free_bytes=1 << 60)
    with pytest.raises(DiskFullError, match="nothing was begun"):
        engine.stack("proj", "dev", entries(bench.cloud, 1)).up()
    assert bench.things() == set()


def test_state_lost_to_a_full_disk_is_restored(bench: Bench) -> None:
    """As Pulumi leaves it when the disk fills in the middle: the file is there and empty, and so is its `.bak`."""
    stack = bench.stack(entries(bench.cloud, 1))
    stack.up()
    file = bench.data / "state" / ".pulumi" / "stacks" / "proj" / "dev.json"
    for name in ("dev.json", "dev.json.bak"):
        empty = file.with_name(f"{name}.tmp")
        empty.touch()
        empty.replace(file.with_name(name))
    events: list[EngineEvent] = []
    assert bench.stack(entries(bench.cloud, 2)).up(events.append).changes == {Op.SAME: 2, Op.CREATE: 1}
    assert any(isinstance(one, Diagnostic) and "is restored" in one.message for one in events)
    stack.destroy(remove=True)
    assert bench.things() == set()


if os.geteuid() == 0:  # only root can mount a disk that small; the two tests above need none

    @pytest.mark.parametrize("free_pages", [0, 1])
    def test_full_disk_is_said_and_gotten_over(bench: Bench, free_pages: int) -> None:
        with small_disk(bench.data / "state") as disk:
            stack = replace(bench.engine, minimum_free_bytes=0).stack("proj", "dev", entries(bench.cloud, 3))
            stack.preview()
            filler = fill(disk, free_pages)
            with pytest.raises(DiskFullError, match="the disk is full"):
                stack.up()
            filler.unlink()
            stack.up()
            assert bench.things() == {"entry-0", "entry-1", "entry-2"}
            stack.destroy(remove=True)
            assert bench.things() == set()


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_BYTES}", "none", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path, free_pages: int) -> Path:
    """Take what space is left but for some pages."""
    page = os.sysconf("SC_PAGE_SIZE")
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as stream:
        with suppress(OSError):
            while stream.write(b"\0" * page):
                pass
        stream.truncate(filler.stat().st_size - free_pages * page)
    return filler

"""Where a stack's state is kept and what encrypts its secrets.

A local folder unless told otherwise, S3 with a KMS key for teams, or whatever `pulumi login` has chosen. What the
environment already says (`PULUMI_BACKEND_URL`, `PULUMI_CONFIG_PASSPHRASE`) wins. There is no default passphrase: a
random one is made beside the local state, and a missing one is an error rather than a guess.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import platformdirs

from llmstrat_iac.errors import EngineError

URL_VARIABLE = "PULUMI_BACKEND_URL"
PASSPHRASE_VARIABLE = "PULUMI_CONFIG_PASSPHRASE"  # noqa: S105 - the name of a variable
PASSPHRASE_FILE_VARIABLE = "PULUMI_CONFIG_PASSPHRASE_FILE"  # noqa: S105 - the name of a variable
KMS_SCHEME = "awskms://"


class BackendError(EngineError):
    """The place for state or its secrets can't be used as configured."""


@dataclass(frozen=True)
class Backend:
    """Where state goes. `url` is None for the backend that `pulumi login` chose.

    `secrets_provider` is None where a passphrase or the backend's own service encrypts. `workspaces` is the folder for
    the small settings files that Pulumi wants on disk: one per backend, since they hold what decrypts its secrets.
    """

    url: str | None
    secrets_provider: str | None
    passphrase_file: Path | None
    workspaces: Path
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def state_dir(self) -> Path | None:
        """The folder that holds the state, for a local backend."""
        return _local_path(self.url) if self.url else None

    def environment(self) -> dict[str, str]:
        """The variables that point Pulumi at this backend."""
        variables = dict(self.variables)
        if self.url is not None:
            variables[URL_VARIABLE] = self.url
        if self.passphrase_file is not None:
            variables[PASSPHRASE_FILE_VARIABLE] = str(self.passphrase_file)
        return variables

    def prepare(self) -> None:
        """Create what a local backend needs: its folder, only for this user, and once a random passphrase."""
        for folder in filter(None, (self.state_dir, self.workspaces)):
            _create_private_folder(folder)
        if self.passphrase_file is None or self.passphrase_file.exists():
            return
        if self.state_dir is not None and _has_stacks(self.state_dir):
            raise BackendError(
                f"{self.passphrase_file}: the passphrase of the existing state in `{self.state_dir}` is gone",
                remedy=f"restore that file, or set {PASSPHRASE_VARIABLE}; without it the state can't be decrypted",
            )
        _write_passphrase(self.passphrase_file)


def choose_backend(
    environment: Mapping[str, str],
    *,
    url: str | None = None,
    secrets_provider: str | None = None,
    use_login: bool = False,
    data_dir: Path | None = None,
) -> Backend:
    """Choose the backend: the environment's, else the one asked for, else a local folder. Creates nothing.

    `secrets_provider` is a URL such as `awskms://alias/llmstrat?region=us-east-1`.
    """
    data = data_dir or Path(platformdirs.user_data_dir("llmstrat-iac"))
    chosen = environment.get(URL_VARIABLE) or url
    if chosen is None and not use_login:
        chosen = (data / "state").as_uri()
    has_passphrase = _has_passphrase(environment)
    if chosen is None:
        return Backend(None, secrets_provider, None, data / "workspaces" / "logged-in")
    folder = _local_path(chosen)
    if folder is None:
        _check_shared_secrets(chosen, secrets_provider, has_passphrase=has_passphrase)
        digest = hashlib.sha256(chosen.encode()).hexdigest()[:16]
        return Backend(chosen, secrets_provider, None, data / "workspaces" / digest)
    needs_file = secrets_provider is None and not has_passphrase
    passphrase_file = folder.with_name(f"{folder.name}.passphrase") if needs_file else None
    return Backend(chosen, secrets_provider, passphrase_file, folder / "workspaces")


def s3_url(bucket: str, *, region: str, prefix: str = "") -> str:
    """The URL of a state folder in S3, as Pulumi writes it."""
    path = f"/{prefix.strip('/')}" if prefix.strip("/") else ""
    return f"s3://{bucket}{path}?region={region}"


def _has_passphrase(environment: Mapping[str, str]) -> bool:
    if environment.get(PASSPHRASE_VARIABLE) == "":
        raise BackendError(
            f"{PASSPHRASE_VARIABLE}: is set but empty, which would protect nothing",
            remedy="unset it to have one made, or set it to a passphrase of your own",
        )
    named = environment.get(PASSPHRASE_FILE_VARIABLE)
    if named and not Path(named).is_file():
        raise BackendError(
            f"{PASSPHRASE_FILE_VARIABLE}: there is no file `{named}`",
            remedy="point it at the file that holds the passphrase, or unset it",
        )
    return bool(named) or PASSPHRASE_VARIABLE in environment


def _check_shared_secrets(url: str, secrets_provider: str | None, *, has_passphrase: bool) -> None:
    is_service = url.startswith(("https://", "http://"))
    if secrets_provider is not None or has_passphrase or is_service:
        return
    raise BackendError(
        f"backend: `{url}` has nothing to encrypt secrets with",
        remedy=f"name a KMS key ({KMS_SCHEME}alias/NAME?region=REGION), or set {PASSPHRASE_VARIABLE}",
    )


def _local_path(url: str) -> Path | None:
    if not url.startswith("file://"):
        return None
    # Pulumi also takes `file://~` and relative paths after `file://`.
    rest = unquote(urlsplit(url)._replace(query="").geturl().removeprefix("file://"))
    return Path(rest).expanduser().absolute()


def _has_stacks(state_dir: Path) -> bool:
    records = (state_dir / ".pulumi" / "stacks").rglob("*.json*")
    return any(record.suffix not in (".bak", ".attrs") for record in records)


def _create_private_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BackendError(
            f"{folder}: the folder for state can't be created: {error.strerror}",
            remedy=f"make it writable, or choose another backend with {URL_VARIABLE}",
        ) from error


def _write_passphrase(file: Path) -> None:
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(secrets.token_urlsafe(32))
        # A link appears whole or not at all, and if another command was first, its passphrase stands.
        with suppress(FileExistsError):
            file.hardlink_to(draft)
        draft.unlink()
    except OSError as error:
        raise BackendError(
            f"{file}: the passphrase can't be written: {error.strerror}",
            remedy=f"make the folder writable, or set {PASSPHRASE_VARIABLE}",
        ) from error

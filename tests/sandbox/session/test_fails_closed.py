"""With real credentials, a profile and a proxy around, nothing leaves loopback and no credential reaches the emulator.

`real_looking` is what a developer's shell may hold. Everything here runs through the session's own environment, with
the one way out, the proxy, replaced by a recorder: what it records would have left the machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from recording_proxy import Recorder, recording_proxy
from sandbox_kit import post

from llmstrat_iac.engine.locate import find_cli
from llmstrat_iac.sandbox.environment import REMOVED_VARIABLES
from llmstrat_iac.sandbox.session import Sandbox, SandboxSession

KEY_ID = "AKIAREALLOOKINGKEY00"
SECRET = "real-looking-secret-that-must-not-be-seen"
TOKEN = "real-looking-session-token"
PROFILE = f"[default]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\nregion = eu-west-3\n"


@dataclass(frozen=True)
class Watched:
    """A sandbox whose way out is recorded, and the environment of a developer with a real account."""

    session: SandboxSession
    recorder: Recorder
    environ: Mapping[str, str]

    def run(self, program: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a Python program with exactly this environment."""
        return subprocess.run(
            [sys.executable, "-c", program], env=dict(environ), capture_output=True, text=True, timeout=300, check=False
        )

    def isolated(self, program: str) -> subprocess.CompletedProcess[str]:
        """Run a Python program as the toolkit runs programs against the sandbox."""
        return self.run(program, self.session.isolated(self.environ))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    home = tmp_path_factory.mktemp("developer")
    (home / ".aws").mkdir()
    (home / ".aws" / "credentials").write_text(PROFILE)
    (home / ".aws" / "config").write_text("[profile work]\nregion = eu-west-3\nsso_start_url = https://sso.example\n")
    with recording_proxy() as recorder, pytest.MonkeyPatch.context() as patch:
        for name, value in real_looking(home, recorder).items():
            patch.setenv(name, value)
        session = Sandbox.start(tmp_path_factory.mktemp("watched"), proxy=recorder.url)
        try:
            yield Watched(session, recorder, {**real_looking(home, recorder), "PATH": "/usr/bin:/bin"})
        finally:
            session.stop()


def real_looking(home: Path, recorder: Recorder) -> dict[str, str]:
    return {
        "HOME": str(home),
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_PROFILE": "work",
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/real",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(home / "token"),
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
        "AWS_ENDPOINT_URL_S3": "https://s3.eu-west-3.amazonaws.com",
        "AWS_REGION": "eu-west-3",
        "PULUMI_ACCESS_TOKEN": "pul-real",
        "PULUMI_BACKEND_URL": "https://api.pulumi.example",
        "HTTP_PROXY": recorder.url,
        "HTTPS_PROXY": recorder.url,
        "http_proxy": recorder.url,
        "https_proxy": recorder.url,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


CALLER = """
import json, boto3
session = boto3.Session()
credentials = session.get_credentials().get_frozen_credentials()
who = session.client("sts").get_caller_identity()
bucket = session.client("s3").create_bucket(Bucket="isolated")
print(json.dumps({"account": who["Account"], "key": credentials.access_key, "token": credentials.token,
                  "region": session.region_name, "bucket": bucket["ResponseMetadata"]["HTTPStatusCode"]}))
"""
STRAY = """
import boto3
from botocore.config import Config
client = boto3.client("sts", endpoint_url="https://sts.eu-west-3.amazonaws.com",
                      config=Config(retries={"total_max_attempts": 1}))
client.get_caller_identity()
"""


def test_the_recorder_would_see_a_request_that_leaves(watched: Watched) -> None:
    """The proof's own proof: the same call without isolation is recorded."""
    before = len(watched.recorder.requests)
    stray = watched.run(STRAY, {name: value for name, value in watched.environ.items() if name != "AWS_PROFILE"})
    assert stray.returncode != 0
    assert watched.recorder.requests[before:] == ["CONNECT sts.eu-west-3.amazonaws.com:443"]
    del watched.recorder.requests[before:]


def test_an_isolated_program_reaches_the_emulator_as_its_own_account(watched: Watched) -> None:
    done = watched.isolated(CALLER)
    assert done.returncode == 0, done.stderr
    expected = {"account": "000000000000", "key": "000000000000", "token": None, "region": "us-east-1", "bucket": 200}
    assert json.loads(done.stdout) == expected
    assert watched.recorder.requests == []


def test_an_isolated_programs_stray_request_goes_to_the_recorder_not_out(watched: Watched) -> None:
    assert watched.isolated(STRAY).returncode != 0
    assert watched.recorder.requests == ["CONNECT sts.eu-west-3.amazonaws.com:443"]
    watched.recorder.requests.clear()


def test_the_isolated_environment_holds_nothing_real(watched: Watched) -> None:
    environment = watched.session.isolated(watched.environ)
    text = json.dumps(environment)
    for secret in (KEY_ID, SECRET, TOKEN, "pul-real", "eu-west-3", "api.pulumi.example"):
        assert secret not in text
    assert not set(REMOVED_VARIABLES) & set(environment)
    assert environment["HOME"] == watched.environ["HOME"]


def test_no_process_of_the_sandbox_was_given_a_credential(watched: Watched) -> None:
    for record in watched.session.records:
        proc = Path(f"/proc/{record.pid}/environ")
        given = proc.read_bytes().decode() if sys.platform.startswith("linux") else ""
        for secret in (KEY_ID, SECRET, TOKEN, "pul-real", "eu-west-3"):
            assert secret not in given, record.name


def test_the_sandboxs_processes_refuse_other_hosts_themselves(watched: Watched) -> None:
    """Even past a proxy: the guard in PYTHONPATH ends a direct connection or a name look-up."""
    direct = "import socket; socket.create_connection(('192.0.2.1', 443), timeout=5)"
    named = "import socket; socket.getaddrinfo('sts.amazonaws.com', 443)"
    for program in (direct, named):
        done = watched.run(program, watched.session.process_environment())
        assert "LoopbackOnlyError: the sandbox reaches loopback only" in done.stderr
    port = watched.session.addresses.vendor
    local = f"import socket; socket.create_connection(('localhost', {port}), timeout=60).close()"
    assert watched.run(local, watched.session.process_environment()).returncode == 0


def test_a_working_day_is_silent(watched: Watched) -> None:
    """Drive emulator and vendor; afterwards the recorder has seen nothing and no log names a credential."""
    assert watched.isolated(CALLER.replace("isolated", "second")).returncode == 0
    vendor = watched.session.addresses.upstreams["openai"]
    body = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
    assert post(f"{vendor}/chat/completions", body, authorization="Bearer k").status == 200
    watched.session.check()
    assert watched.recorder.requests == []
    for record in watched.session.records:
        log = Path(record.log).read_text()
        assert KEY_ID not in log
        assert SECRET not in log


PULUMI = find_cli(os.environ).path
GATEWAY = """\
apiVersion: llmstrat/v1
name: closed
strategy: closed-api
owner: ml@example.com
region: us-east-1
data: {classification: internal}
limits: {ttl: 8h}
endpoint: {consumers: [{name: web, models: [chat, nova], tokens_per_month: 1_000_000}]}
providers:
  - name: openai
    credentials: {secret: "env:OPENAI_API_KEY"}
    models: [{alias: chat, id: gpt-5.2}]
  - name: bedrock
    models: [{alias: nova, id: "amazon.nova-lite-v1:0"}]
"""


def test_a_whole_gateway_is_deployed_called_and_destroyed_without_leaving(watched: Watched, tmp_path: Path) -> None:
    """Command line, engine, providers, functions and vendors together."""
    spec = tmp_path / "spec.yaml"
    spec.write_text(GATEWAY)
    environ = {
        **watched.environ,
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "OPENAI_API_KEY": "sk-real-looking",
        "LLMSTRAT_SANDBOX_HOME": str(watched.session.home),
        "LLMSTRAT_PULUMI": str(PULUMI),
    }

    def llmstrat(command: str, *arguments: str) -> str:
        run = subprocess.run(
            ["llmstrat", command, str(spec), *arguments, "--sandbox"],
            env=environ,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    assert "✓ `chat` answers" in llmstrat("up", "--yes")
    assert llmstrat("invoke", "hello", "--model", "nova").strip()
    keys = json.loads(llmstrat("outputs", "--json", "--show-secrets"))["keys"]
    assert "Nothing is left." in llmstrat("down", "--yes")
    assert watched.recorder.requests == []
    seen = "".join(path.read_text(errors="replace") for path in (watched.session.home / "logs").iterdir())
    for secret in (KEY_ID, SECRET, TOKEN, "sk-real-looking", *keys.values()):
        assert secret not in seen

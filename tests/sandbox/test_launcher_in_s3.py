"""The launcher against the emulator's S3 and Secrets Manager, by boto3, with a trainer that only pretends."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from launcher_kit import fake_python, job_files, run_launcher, start_launcher, wait_until, write_files
from sandbox_kit import Clients

from llmstrat_iac.sandbox.environment import ACCOUNT, REGION
from llmstrat_iac.trainer import EXIT_COMPLETED, EXIT_INTERRUPTED

BUCKET, PREFIX = "launcher-artifacts", "training/0123456789ab-1"
TOKEN = "a-token-that-nobody-sees"


@pytest.fixture
def environ(emulator_url: str, aws: Clients) -> dict[str, str]:
    s3 = aws("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/data/train.jsonl", Body=b"{}\n")
    for name in ("config.json", "model.safetensors"):
        s3.put_object(Bucket=BUCKET, Key=f"weights/{name}", Body=b"{}")
    aws("secretsmanager").create_secret(Name="hub-token", SecretString=TOKEN)
    return {
        "AWS_ENDPOINT_URL": emulator_url,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "LLMSTRAT_JOB_URI": f"s3://{BUCKET}/{PREFIX}",
        "LLMSTRAT_TOKEN_SECRET": "hub-token",
    }


def test_a_job_lives_in_s3(environ: dict[str, str], aws: Clients, tmp_path: Path) -> None:
    python, s3 = fake_python(tmp_path), aws("s3")
    files = job_files(tmp_path / "source")
    own = json.loads(files["job.json"]) | {"model": f"s3://{BUCKET}/weights/", "revision": None}

    def keys() -> set[str]:
        listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=PREFIX).get("Contents", [])
        return {entry["Key"].removeprefix(f"{PREFIX}/") for entry in listed}

    def place(name: str) -> Path:
        write_files(tmp_path / name / "code", files | {"job.json": json.dumps(own)})
        return tmp_path / name

    first = place("first")
    process = start_launcher(first / "code", python, **environ, LLMSTRAT_WORK=str(first), FAKE_END="wait")
    wait_until(lambda: "checkpoints/checkpoint-2/complete.json" in keys(), process)
    process.send_signal(signal.SIGTERM)
    seen = process.communicate(timeout=60)[0]
    assert process.returncode == EXIT_INTERRUPTED, seen
    assert {key for key in keys() if key.startswith("checkpoints/")} == {
        "checkpoints/checkpoint-3/adapter_model.safetensors",
        "checkpoints/checkpoint-3/complete.json",
    }

    second = place("second")
    code, output = run_launcher(second / "code", python, **environ, LLMSTRAT_WORK=str(second))

    assert code == EXIT_COMPLETED, output
    assert f"--resume_from_checkpoint {second}/checkpoints/checkpoint-3" in output
    assert f"--model_name_or_path {second}/base" in output
    assert (second / "base/model.safetensors").exists()
    assert keys() == {
        "data/train.jsonl",
        "status.json",
        *(f"output/{name}" for name in ("adapter_config.json", "adapter_model.safetensors", "manifest.json")),
    }
    status = json.loads(s3.get_object(Bucket=BUCKET, Key=f"{PREFIX}/status.json")["Body"].read())
    assert (status["state"], status["attempt"], status["step"]) == ("completed", 2, 4)
    # The trainer has the token in its environment; nobody else ever sees it.
    assert "token: ***" in output
    everything = seen + output + "".join(path.read_text(errors="replace") for path in tmp_path.rglob("*.txt"))
    assert TOKEN not in everything

"""Specs of strategy B, and what the sandbox's vendors say when they are asked directly."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from story_kit import User

JOB_SECONDS = "2"
ENDPOINT = """\
apiVersion: llmstrat/v1
name: story
strategy: {strategy}
owner: ml@example.com
region: us-east-1
data: {{classification: internal}}
limits: {{ttl: 8h}}
endpoint:
  consumers: [{{name: web, models: [{models}]}}]
"""
OTHER = """\
providers:
  - {name: openai, credentials: {secret: "env:OPENAI_API_KEY"}, models: [{alias: chat, id: gpt-5.2}]}
"""
TUNINGS = {
    "bedrock": "base_model: 'amazon.nova-micro-v1:0:128k', ",
    "sagemaker": "base_model: huggingface-reasoning-qwen3-06b, ",
    "openai": "base_model: gpt-4.1-mini-2025-04-14, credentials: {secret: 'env:OPENAI_API_KEY'}, ",
    "gemini": (
        "base_model: gemini-2.5-flash-lite, credentials: {secret: 'env:GOOGLE_CREDENTIALS'}, "
        "options: {project: example-project, bucket: example-bucket}, "
    ),
}


OPENAI_CLOSES = date(2027, 1, 6)
"""From then on it takes no new jobs, as the catalog says, and the toolkit asks for none."""


def tuned(vendor: str, *, alias: str = "support", train: str = "train.jsonl", more: str = "") -> str:
    """A spec that tunes with this vendor; another model stays beside the tuned one."""
    if vendor == "openai" and datetime.now(UTC).date() >= OPENAI_CLOSES:
        pytest.skip("OpenAI takes no new tuning jobs any more")
    endpoint = ENDPOINT.format(strategy="B", models=f"{alias}, chat")
    return (
        f"{endpoint}tuning: {{provider: {vendor}, alias: {alias}, {TUNINGS[vendor]}"
        f"dataset: {{train: {train}}}{more}}}\n{OTHER}"
    )


def plain() -> str:
    """The same without tuning: strategy A."""
    return ENDPOINT.format(strategy="A", models="chat") + OTHER


def write_examples(path: Path, *, first: int = 0, count: int = 220, fault: str = "") -> None:
    """A dataset; `fault` makes the job fail on its way."""
    lines = [
        {
            "messages": [
                {"role": "user", "content": f"Where is parcel {number}? {fault}".strip()},
                {"role": "assistant", "content": f"Parcel {number} is on its way."},
            ]
        }
        for number in range(first, first + count)
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


@dataclass(frozen=True)
class Vendors:
    """The sandbox's AWS and vendors, asked as their own users would."""

    user: User

    @property
    def environment(self) -> dict[str, str]:
        found: dict[str, str] = self.user.ok("sandbox", "env", "--json").json["set"]
        return found

    def client(self, service: str) -> Any:
        environment = self.environment
        session = boto3.Session(
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
        )
        return session.client(service, endpoint_url=environment["AWS_ENDPOINT_URL"])

    def get(self, upstream: str, path: str) -> Any:
        url = json.loads(self.environment["LLMSTRAT_UPSTREAMS"])[upstream] + path
        request = urllib.request.Request(url, headers={"authorization": "Bearer key"})
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    def openai_jobs(self) -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = self.get("openai", "/fine_tuning/jobs")["data"]
        return jobs

    def bedrock_jobs(self) -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = self.client("bedrock").list_model_customization_jobs()[
            "modelCustomizationJobSummaries"
        ]
        return jobs

    def remains(self) -> list[str]:
        """Whatever of a tuning is still there: models, deployments, files, running jobs, buckets."""
        bedrock, sagemaker = self.client("bedrock"), self.client("sagemaker")
        location = "projects/example-project/locations/us-central1"
        found = [
            *(model["modelArn"] for model in bedrock.list_custom_models()["modelSummaries"]),
            *(one["modelArn"] for one in bedrock.list_imported_models()["modelSummaries"]),
            *(one["modelArn"] for one in bedrock.list_custom_model_deployments()["modelDeploymentSummaries"]),
            *(job["jobArn"] for job in self.bedrock_jobs() if job["status"] == "InProgress"),
            *(job["TrainingJobName"] for job in sagemaker.list_training_jobs()["TrainingJobSummaries"]),
            *(one["ModelPackageArn"] for one in sagemaker.list_model_packages()["ModelPackageSummaryList"]),
            *(bucket["Name"] for bucket in self.client("s3").list_buckets()["Buckets"] if "story" in bucket["Name"]),
            *(file["id"] for file in self.get("openai", "/files?purpose=fine-tune")["data"]),
            *(model["id"] for model in self.get("openai", "/models")["data"] if model["id"].startswith("ft:")),
            *(job["id"] for job in self.openai_jobs() if job["status"] in ("queued", "running", "validating_files")),
        ]
        for kind in ("endpoints", "models"):
            found += [one["name"] for one in self.get("gemini-tuning", f"/v1/{location}/{kind}").get(kind) or ()]
        found += [one["name"] for one in self.get("gcs", "/storage/v1/b/example-bucket/o").get("items") or ()]
        return found

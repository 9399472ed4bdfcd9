"""The dataset as whoever trains wants it: converted into a file of this process, which goes when the process ends.

The engine and the providers read the file while the program's process lives, so no copy of the training data outlasts
an `up`. An S3 dataset is streamed through the same conversion.
"""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

from llmstrat_iac.datasets.convert import convert_file
from llmstrat_iac.datasets.findings import DatasetError
from llmstrat_iac.datasets.rules import VendorRules
from llmstrat_iac.hookspecs import AwsSession
from llmstrat_iac.open_model import ResolvedTraining
from llmstrat_iac.tuning import DatasetSource, ResolvedTuning


def converted_files(job: ResolvedTuning | ResolvedTraining, session: AwsSession) -> dict[str, Path]:
    """`train` and, if there is one, `validation`, in the format of whoever trains."""
    sources = {"train": job.train, "validation": job.validation}
    return {
        channel: _converted(source, job.rules, session) for channel, source in sources.items() if source is not None
    }


def file_sha256(path: Path) -> str:
    """The digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _converted(source: DatasetSource, rules: VendorRules, session: AwsSession) -> Path:
    known = source.content_hash or ""
    path = _folder() / f"{hashlib.sha256(f'{known}:{rules.title}:{rules.format}'.encode()).hexdigest()[:24]}.jsonl"
    if path.exists():
        return path
    if source.path is not None:
        report = convert_file(source.path, path, rules, source.written)
        if report.source_sha256 != known:
            path.unlink()
            raise DatasetError(
                f"{source.written} changed while it was read", remedy="run it again when the file is complete"
            )
        return path
    bucket, _, key = source.written.removeprefix("s3://").partition("/")
    body = session.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
    convert_file(body, path, rules, source.written)
    return path


@lru_cache(maxsize=1)
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="llmstrat-dataset-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder

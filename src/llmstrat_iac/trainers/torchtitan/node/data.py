"""The corpus as torchtitan's text loader reads it: all files of a folder, streamed, each document's `text`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from torchtitan.hf_datasets import DatasetConfig
from torchtitan.hf_datasets.text_datasets import DATASETS, HuggingFaceTextDataLoader

from datasets import load_dataset

_NAME = "corpus"
_WORKERS, _AHEAD = 2, 4
"""Processes a rank that read and tokenize, and batches that each has ready."""
_SUFFIXES = {"jsonl": (".jsonl", ".json", ".jsonl.gz", ".jsonl.zst", ".json.gz"), "parquet": (".parquet",)}
_READERS = {"jsonl": "json", "parquet": "parquet"}


def corpus_loader() -> HuggingFaceTextDataLoader.Config:
    """The corpus in LLMSTRAT_CORPUS, in the format that the job states; known to torchtitan from then on."""
    job = json.loads(Path(os.environ["LLMSTRAT_JOB"]).read_text(encoding="utf-8"))
    form = job["corpus"]["format"]

    def read(folder: str) -> Any:
        return load_dataset(_READERS[form], data_files=corpus_files(Path(folder), form), split="train", streaming=True)

    DATASETS[_NAME] = DatasetConfig(path="", loader=read, sample_processor=lambda document: document["text"])
    folder = os.environ["LLMSTRAT_CORPUS"]
    # A worker without a file of its own would look for its first document for ever.
    workers = min(_WORKERS, len(corpus_files(Path(folder), form)) // int(os.environ.get("WORLD_SIZE", "1")))
    return HuggingFaceTextDataLoader.Config(
        dataset=_NAME,
        dataset_path=folder,
        infinite=True,
        num_workers=workers,
        prefetch_factor=_AHEAD if workers else None,
    )


def corpus_files(folder: Path, form: str) -> list[str]:
    """All files of the format, in the same order on every node. FileNotFoundError if there are none."""
    found = sorted(str(path) for path in folder.rglob("*") if path.name.endswith(_SUFFIXES[form]))
    if not found:
        raise FileNotFoundError(f"no {form} files in the corpus's folder {folder}")
    return found

"""Fetches a tokenizer from the hub, in the trainer's Python: `assets REPOSITORY REVISION FOLDER`."""

from __future__ import annotations

import sys

_FILES = ["tokenizer*", "special_tokens_map.json", "vocab*", "merges.txt", "config.json", "generation_config.json"]


def main() -> None:
    """What a tokenizer consists of, and no weights."""
    from huggingface_hub import snapshot_download

    repository, revision, folder = sys.argv[1:]
    snapshot_download(repository, revision=revision or None, local_dir=folder, allow_patterns=_FILES)


if __name__ == "__main__":
    main()

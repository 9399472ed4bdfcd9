"""The tiny model's weights from a distributed checkpoint, as JSON: what the launcher runs as the job's `export`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from torch.distributed.checkpoint.format_utils import dcp_to_torch_save

source, target = map(Path, sys.argv[1:])
dcp_to_torch_save(str(source), str(target / "whole.pt"))
whole = torch.load(target / "whole.pt", weights_only=False)
(target / "whole.pt").unlink()
weights = {name: tensor.flatten().tolist() for name, tensor in whole["model"].items()}
(target / "weights.json").write_text(json.dumps(weights))

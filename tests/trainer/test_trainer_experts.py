"""What sizing takes for granted of mixtures of experts under `qlora`; an upgrade that changes it is seen here."""

from __future__ import annotations

import json
from pathlib import Path

from trainer_kit import HERE, run_trainer_python


def test_experts_stay_in_sixteen_bits_and_mxfp4_is_refused(tmp_path: Path) -> None:
    said = json.loads(run_trainer_python(str(HERE / "load_experts.py"), str(tmp_path)).splitlines()[-1])

    kinds = {name.split(".layers.0.")[1]: kind for name, kind in said["types"].items()}
    assert kinds["self_attn.q_proj.weight"] == "Params4bit"
    assert {kind for name, kind in kinds.items() if ".experts." in name} == {"Parameter"}
    assert "quantized with Mxfp4Config" in said["mxfp4"]

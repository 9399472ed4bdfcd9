"""Where things are on a node, by its environment."""

from __future__ import annotations

from pathlib import Path

from llmstrat_iac.cluster.places import find_places, read_settings
from llmstrat_iac.cluster.torchrun import network_environment

URI = "s3://bucket/pretraining/0123456789ab-1"
BARE = {"LLMSTRAT_JOB_URI": URI}


def test_a_shared_file_system_holds_the_checkpoints() -> None:
    places = find_places({**BARE, "LLMSTRAT_SHARED": "/fsx", "LLMSTRAT_CORPUS": "/fsx/corpus"}, "0123456789ab-1")
    assert places.shared
    # By the model and not by the attempt: the next one goes on from them.
    assert places.checkpoints == Path("/fsx/0123456789ab/checkpoints")
    assert places.corpus == Path("/fsx/corpus")


def test_what_is_empty_is_unset() -> None:
    empty = {"LLMSTRAT_SHARED": "", "LLMSTRAT_CORPUS": "", "LLMSTRAT_TOKEN_SECRET": "", "LLMSTRAT_IDLE_SECONDS": ""}
    places, settings = find_places({**BARE, **empty}, "key"), read_settings({**BARE, **empty})
    assert not places.shared
    assert places.checkpoints == Path("/opt/llmstrat/job/checkpoints")
    assert places.corpus is None
    assert settings.token_secret is settings.idle is None


def test_sagemaker_is_known_by_its_own_file(tmp_path: Path) -> None:
    config = tmp_path / "input/config/resourceconfig.json"
    config.parent.mkdir(parents=True)
    config.write_text("{}")
    places = find_places({**BARE, "LLMSTRAT_ML_ROOT": str(tmp_path)}, "key")
    assert places.failure == tmp_path / "output" / "failure"
    assert places.scratch == Path("/tmp/llmstrat/scratch")


def test_nothing_outdated_is_told_to_nccl_and_libfabric() -> None:
    told = network_environment("ens32", cpu=False, given={"NCCL_DEBUG": "INFO"})
    assert told == {
        "FI_EFA_USE_HUGE_PAGE": "0",
        "NCCL_SOCKET_IFNAME": "^docker,lo,veth",
        "NCCL_DEBUG": "INFO",
        "GLOO_SOCKET_IFNAME": "ens32",
    }

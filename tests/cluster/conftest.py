"""Clusters that vanish after their test, and the weights that an undisturbed run has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cluster_kit import PYTHON, Cluster, undisturbed_weights
from network_kit import Lan, namespaces, why_impossible


@pytest.fixture(scope="session", autouse=True)
def possible() -> Iterator[None]:
    assert PYTHON, "run `make test-cluster`: it makes the trainer's environment"
    reason = why_impossible()
    assert reason is None, reason
    before = set(namespaces())
    yield
    assert set(namespaces()) <= before, "network namespaces are left over"


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], dict[str, list[float]]]:
    """Weights after so many steps of a run that nothing happened to."""
    known: dict[int, dict[str, list[float]]] = {}

    def weights(steps: int) -> dict[str, list[float]]:
        if steps not in known:
            known[steps] = undisturbed_weights(tmp_path_factory.mktemp("undisturbed"), steps)
        return known[steps]

    return weights


@pytest.fixture
def new_cluster(tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    """Makes clusters."""
    lans: list[Lan] = []

    def make(name: str = "cluster", *, shared: bool = False) -> Cluster:
        lans.append(Lan())
        return Cluster(tmp_path / name, lans[-1], shared=shared)

    yield make
    for lan in lans:
        lan.close()
        assert not lan.left_over()

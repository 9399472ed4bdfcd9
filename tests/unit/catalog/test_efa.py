"""Network cards: the layout that AWS recommends now, for every family that trains on many nodes."""

from __future__ import annotations

import pytest

from llmstrat_iac.catalog.efa import EfaLayout, NetworkInterface, efa_layout, network_interfaces
from llmstrat_iac.catalog.instances import InstanceType, find_instance, instances

PRIMARY = NetworkInterface(0, 0, "interface")


def instance(name: str) -> InstanceType:
    found = find_instance(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "cards"),
    [
        ("p4d.24xlarge", 4),
        ("p4de.24xlarge", 4),
        ("p5.48xlarge", 32),
        ("p5e.48xlarge", 32),
        ("p5en.48xlarge", 16),
        ("p6-b200.48xlarge", 8),
    ],
)
def test_every_card_has_one_efa_device_and_the_first_the_address_too(name: str, cards: int) -> None:
    asked = network_interfaces(efa_layout(instance(name)), efa=True)
    others = [NetworkInterface(card, 0, "efa-only") for card in range(1, cards)]
    assert asked == (PRIMARY, NetworkInterface(0, 1, "efa-only"), *others)


def test_the_first_card_of_p6_b300_has_no_efa() -> None:
    asked = network_interfaces(efa_layout(instance("p6-b300.48xlarge")), efa=True)
    assert asked == (PRIMARY, *(NetworkInterface(card, 0, "efa-only") for card in range(1, 17)))


def test_a_type_with_one_device_has_it_beside_the_address() -> None:
    assert network_interfaces(efa_layout(instance("g6.48xlarge")), efa=True) == (
        PRIMARY,
        NetworkInterface(0, 1, "efa-only"),
    )


@pytest.mark.parametrize(("name", "efa"), [("p5.48xlarge", False), ("g6.xlarge", True)])
def test_one_node_alone_and_types_without_efa_have_a_single_interface(name: str, efa: bool) -> None:
    assert network_interfaces(efa_layout(instance(name)), efa=efa) == (PRIMARY,)


def test_no_type_of_the_catalogue_with_several_devices_is_missing() -> None:
    """A layout that was guessed fails at the launch."""
    for each in instances():
        layout = efa_layout(each)
        assert layout.efa_interfaces == each.efa_interfaces
        devices = sum(one.kind == "efa-only" for one in network_interfaces(layout, efa=True))
        assert devices == each.efa_interfaces, each.name


def test_each_place_on_a_card_is_used_once() -> None:
    for each in instances():
        asked = network_interfaces(efa_layout(each), efa=True)
        assert len({(one.card, one.device) for one in asked}) == len(asked)


def test_a_table_without_efa_asks_for_none() -> None:
    assert network_interfaces(EfaLayout(1, 0), efa=True) == (PRIMARY,)

from __future__ import annotations

from collections.abc import Iterator

import pytest
from relay_vendor import Vendor, vendor_server


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with vendor_server() as server:
        yield server


@pytest.fixture
def spare() -> Iterator[Vendor]:
    with vendor_server() as server:
        yield server

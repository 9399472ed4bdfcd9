"""The versions of Pulumi that this release was tested with. Data only."""

from __future__ import annotations

import re

ENGINE_VERSION = "3.259.0"
"""The command line and engine: what is installed, and the least that is accepted."""

PYTHON_HOST_VERSION = "3.78.0"
"""The language host that plain `pulumi up` starts: the last release that is published as a Go module."""

GO_MINIMUM = (1, 26)
"""What the pinned modules ask for in their `go` line."""

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


def parse_version(text: str) -> tuple[int, int, int] | None:
    """Read `v3.259.0` or `3.260.0-alpha.1+dirty`; None when it starts with nothing like a version."""
    match = _VERSION.match(text.strip())
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def is_supported(version: str) -> bool:
    """Whether this Pulumi speaks the protocol that the pinned SDK expects: same major, at least the tested release."""
    found, tested = parse_version(version), parse_version(ENGINE_VERSION)
    assert tested is not None
    return found is not None and found[0] == tested[0] and found >= tested

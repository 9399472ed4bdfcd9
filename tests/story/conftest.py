"""One user with one sandbox and one deployed stack for the tests that only look at it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from story_kit import SPEC, Result, User


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """A user whose sandbox runs for the length of a module."""
    user = User(tmp_path_factory.mktemp("user"))
    user.spec.write_text(SPEC)
    user.ok("sandbox", "start")
    yield user
    user.close()
    user.ok("sandbox", "stop")


@pytest.fixture(scope="module")
def deployed(user: User) -> Result:
    """The stack, up; the result is what `up` printed."""
    return user.sandboxed("up", "--yes")

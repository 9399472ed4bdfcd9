"""Finds the name that was meant: the "did you mean" of every error about an unknown name."""

from __future__ import annotations

from collections.abc import Iterable

NEAR = 0.6
"""Likeness (0 to 1) from which a name is taken for a misspelling of another."""
MOST = 40
"""Choices to list at most."""


def suggest(name: str, choices: Iterable[str]) -> str:
    """A remedy line for an unknown name: the nearest one, else all of them."""
    # difflib costs as much to import as a small package, and is needed only when something is wrong already.
    from difflib import SequenceMatcher

    known = sorted(choices)
    if not known:
        return "there is none to choose from"
    scores = sorted(((SequenceMatcher(None, name, choice).ratio(), choice) for choice in known), reverse=True)
    best = scores[0][0]
    if best < NEAR:
        return f"choose one of: {', '.join(known[:MOST])}{', …' if len(known) > MOST else ''}"
    near = [f"`{choice}`" for score, choice in scores[:2] if score > best - 0.03]
    return f"did you mean {' or '.join(sorted(near))}?"

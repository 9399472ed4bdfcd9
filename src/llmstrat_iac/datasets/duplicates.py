"""A hash table of fingerprints in flat arrays: which line an example was first seen on, in bounded memory.

12 bytes a slot at a load of at most two thirds: about 18 to 36 bytes an example, 100 MB at the bound of 5.6 million.
Beyond the bound, examples are still compared with those that are in the table, but no longer added.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

MAX_SLOTS = 1 << 23


class FingerprintTable:
    """Open addressing, linear probing. The chance that two of 5 million fingerprints collide is one in a million."""

    def __init__(self, *, max_slots: int = MAX_SLOTS) -> None:
        self._max_slots = max_slots
        self._allocate(min(1 << 12, max_slots))
        self.rows = 0
        self.full = False

    def _allocate(self, slots: int) -> None:
        self._keys = array("q", (0,)) * slots
        self._lines = array("I", (0,)) * slots
        self._mask = slots - 1
        self._limit = slots * 2 // 3

    def find(self, fingerprint: int) -> int:
        """The line on which this fingerprint was added; 0 if it wasn't."""
        return next((line for _, line in self.find_all((fingerprint,), (0,))), 0)

    def add(self, fingerprint: int, line: int) -> int:
        """The line on which this fingerprint was first added; 0 if it is new."""
        return next((earlier for _, earlier in self.add_all((fingerprint,), (line,))), 0)

    def find_all(self, fingerprints: Iterable[int], lines: Iterable[int]) -> list[tuple[int, int]]:
        """Those of the lines whose fingerprint was added, each with the line of then."""
        known = []
        keys, mask = self._keys, self._mask
        for fingerprint, line in zip(fingerprints, lines, strict=True):
            key = fingerprint or 1
            slot = key & mask
            while found := keys[slot]:
                if found == key:
                    known.append((line, self._lines[slot]))
                    break
                slot = (slot + 1) & mask
        return known

    def add_all(self, fingerprints: Iterable[int], lines: Iterable[int]) -> list[tuple[int, int]]:
        """Add them; those that were there before, each with the line of then. One tight loop: it runs for each line."""
        known = []
        keys, seen_on, mask, rows = self._keys, self._lines, self._mask, self.rows
        for fingerprint, line in zip(fingerprints, lines, strict=True):
            key = fingerprint or 1
            slot = key & mask
            while found := keys[slot]:
                if found == key:
                    known.append((line, seen_on[slot]))
                    break
                slot = (slot + 1) & mask
            else:
                if self.full:
                    continue
                keys[slot] = key
                seen_on[slot] = line
                rows += 1
                if rows >= self._limit:
                    self._grow()
                    keys, seen_on, mask = self._keys, self._lines, self._mask
        self.rows = rows
        return known

    def _grow(self) -> None:
        slots = 2 * (self._mask + 1)
        if slots > self._max_slots:
            self.full = True
            return
        old_keys, old_lines = self._keys, self._lines
        self._allocate(slots)
        keys, lines, mask = self._keys, self._lines, self._mask
        for key, line in zip(old_keys, old_lines, strict=True):
            if key:
                slot = key & mask
                while keys[slot]:
                    slot = (slot + 1) & mask
                keys[slot] = key
                lines[slot] = line

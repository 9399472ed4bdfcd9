"""Governance: rules that a plan must keep, as an ordinary plugin."""

from __future__ import annotations

"""Turns a spec file into a resolved spec and a resolved spec into a plan. Pure but for reading the one file."""

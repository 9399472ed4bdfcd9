"""Pulumi components of the toolkit, usable from any Pulumi program; importing this package imports nothing."""

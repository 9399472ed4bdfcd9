"""The Pulumi engine: find or install it, run stacks with it, and explain its failures.

The only layer that talks to Pulumi's automation interface. It knows nothing of specs or strategies, and never prints.
Start at `stack.Engine`; `locate`, `install`, `backends` and `doctor` prepare what it needs.
"""

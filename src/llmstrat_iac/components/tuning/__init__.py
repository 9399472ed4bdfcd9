"""The heavy half of managed fine-tuning: what each vendor's `Tuning` names as program, jobs, preflight and sweep.

A vendor's module registers resources; its `_jobs` module asks the vendor how far its jobs are. Nothing here knows the
strategy or the gateway.
"""

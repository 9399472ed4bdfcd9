"""The sandbox's own `aws` provider: serves the official provider's `aws:*` types over boto3 against a local emulator.

Attached to the real engine with `PULUMI_DEBUG_PROVIDERS=aws:PORT`. What a type's properties do (replace, default,
compute, name) is data in `resources.json`; only its API calls are code, in `services/`. It never reaches past loopback.
"""

"""A local stand-in for the closed LLM vendors, as a process: `python -m llmstrat_iac.sandbox.vendor`."""

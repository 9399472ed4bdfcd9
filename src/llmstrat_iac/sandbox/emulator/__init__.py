"""ministack with our registered additions, as a process: `python -m llmstrat_iac.sandbox.emulator`."""

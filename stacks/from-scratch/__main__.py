"""Plain `pulumi up` for strategy D: the same program that `llmstrat up` runs."""

from llmstrat_iac.program import run_from_config

run_from_config()

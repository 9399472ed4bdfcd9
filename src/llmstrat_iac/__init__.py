"""llmstrat-iac: one YAML spec for an LLM strategy, real Pulumi stacks on AWS, one endpoint, a proven teardown."""

__version__ = "0.1.0"

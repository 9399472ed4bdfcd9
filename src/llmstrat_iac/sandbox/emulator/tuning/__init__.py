"""Managed tuning at AWS for the emulator: Bedrock's custom models and SageMaker's training jobs, over time."""

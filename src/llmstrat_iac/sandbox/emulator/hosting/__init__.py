"""SageMaker's hosting in the emulator: models, configurations, endpoints, inference components, invocations."""

"""SageMaker's training plans in the emulator: offerings, plans that are bought, and the instances that they reserve."""

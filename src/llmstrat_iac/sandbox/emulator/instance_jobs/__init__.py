"""Training jobs on instances in the emulated SageMaker: what is checked, what they write, what their logs say."""

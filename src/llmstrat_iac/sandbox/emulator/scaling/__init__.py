"""Application Auto Scaling in the emulator: targets, policies and scheduled actions over what SageMaker hosts."""

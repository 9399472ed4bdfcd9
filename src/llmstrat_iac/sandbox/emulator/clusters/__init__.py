"""HyperPod in the emulator: SageMaker clusters with nodes, and the job that their controller submits."""

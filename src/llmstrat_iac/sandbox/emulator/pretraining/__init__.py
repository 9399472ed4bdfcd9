"""Training from scratch in the emulator: what the cluster launcher leaves in S3, without GPUs, by the job clock."""

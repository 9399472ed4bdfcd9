"""HyperPod's half that needs pulumi or boto3: the Slurm cluster, how its job is submitted, what it leaves behind."""

"""SageMaker AI's half that needs pulumi or boto3: training jobs, endpoints, and what they leave behind.

No VPC: jobs and endpoints run in SageMaker's own network. What serves is isolated from every network; what trains or
copies weights reaches the hub, PyPI and AWS.
"""

"""The stand-in for an inference server with GPUs: vLLM's HTTP interface over the sandbox's own generator.

Started for each instance or endpoint that serves a model, with the very arguments that vLLM would get.
"""

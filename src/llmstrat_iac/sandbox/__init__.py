"""The embedded AWS sandbox: an emulator, a local LLM vendor and a local `aws` provider as processes on loopback.

It is only another target of a stack. It may not reach any other host, nor see a real credential.
"""

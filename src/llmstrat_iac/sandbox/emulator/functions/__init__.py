"""Lambda functions with an exec wrapper, run as Lambda runs them: own process, Runtime API, streamed responses."""

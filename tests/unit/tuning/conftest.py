"""Loads parts of `pulumi_aws` before the tests: their imports warn of deprecated resources, and warnings are errors."""

from __future__ import annotations

import warnings

import pulumi_aws as aws

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    _ = aws.s3.Bucket, aws.lambda_.FunctionEnvironmentArgs  # the package loads its modules at first use

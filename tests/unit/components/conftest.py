"""Loads parts of `pulumi_aws` before the tests: their imports warn of deprecated resources, and warnings are errors."""

from __future__ import annotations

import warnings

import pulumi_aws as aws

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    # The package loads its modules at first use.
    _ = aws.s3.Bucket, aws.lambda_.FunctionEnvironmentArgs, aws.ec2.Vpc, aws.lb.LoadBalancer

#!/bin/sh
# Lambda starts this in place of its Python runtime (AWS_LAMBDA_EXEC_WRAPPER=/var/task/wrapper.sh) and passes that runtime's
# command as arguments, which are not used: the relay's own loop streams, Lambda's Python runtime doesn't.
# https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
LAMBDA_TASK_ROOT=${LAMBDA_TASK_ROOT:-$here}
# Lambda sets PYTHONPATH to the folder of its runtime; the boto3 of some runtimes is there.
PYTHONPATH=$LAMBDA_TASK_ROOT${PYTHONPATH:+:$PYTHONPATH}
export LAMBDA_TASK_ROOT PYTHONPATH

exec python3 -m relay.runtime_loop

#!/usr/bin/env bash
# Runs the launcher in the foreground, its output in CloudWatch Logs. The launcher reads its token itself.
set -euo pipefail
# shellcheck source=/dev/null
source /etc/llmstrat/env

instance=$(/opt/llmstrat/imds.sh instance-id)
exec docker run --rm --name llmstrat-job --gpus all --ipc=host --ulimit memlock=-1 --ulimit stack=67108864 \
  --volume "$LLMSTRAT_CACHE/job:/opt/llmstrat/job" --env LLMSTRAT_WORK=/opt/llmstrat/job \
  --env HF_HOME=/opt/llmstrat/job/huggingface --env LLMSTRAT_INSTALL=1 --env "LLMSTRAT_JOB_URI=$LLMSTRAT_JOB_URI" \
  --env "LLMSTRAT_SPOT=$LLMSTRAT_SPOT" ${LLMSTRAT_TOKEN_SECRET:+--env "LLMSTRAT_TOKEN_SECRET=$LLMSTRAT_TOKEN_SECRET"} \
  --env "AWS_REGION=$AWS_REGION" --env "AWS_DEFAULT_REGION=$AWS_REGION" \
  --log-driver awslogs --log-opt "awslogs-region=$AWS_REGION" --log-opt "awslogs-group=$LLMSTRAT_LOG_GROUP" \
  --log-opt "awslogs-stream=${LLMSTRAT_JOB_URI##*/}/$instance" --log-opt mode=non-blocking \
  --entrypoint /bin/bash "$LLMSTRAT_IMAGE" -c 'exec python3 /opt/llmstrat/job/code/launch.py'

#!/usr/bin/env bash
# Runs the engine in the foreground, its output in CloudWatch Logs.
set -euo pipefail
# shellcheck source=/dev/null
source /etc/llmstrat/env

mapfile -t arguments </etc/llmstrat/arguments
instance=$(/opt/llmstrat/imds.sh instance-id)
exec docker run --rm --name llmstrat-engine --gpus all --ipc=host --ulimit memlock=-1 \
  --publish "$LLMSTRAT_PORT:$LLMSTRAT_PORT" --volume "$LLMSTRAT_CACHE:/cache" \
  --env-file /run/llmstrat/hub.env --env HF_HOME=/cache/huggingface --env VLLM_CACHE_ROOT=/cache/vllm \
  --env VLLM_NO_USAGE_STATS=1 \
  --env "AWS_REGION=$AWS_REGION" --env "AWS_DEFAULT_REGION=$AWS_REGION" \
  --log-driver awslogs --log-opt "awslogs-region=$AWS_REGION" --log-opt "awslogs-group=$LLMSTRAT_LOG_GROUP" \
  --log-opt "awslogs-stream=engine/$instance" --log-opt mode=non-blocking \
  "$LLMSTRAT_IMAGE" "${arguments[@]}"

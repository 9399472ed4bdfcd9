#!/usr/bin/env bash
# Runs the launcher in the foreground, on the host's network and with its EFA devices; its output in CloudWatch Logs.
set -euo pipefail
# shellcheck source=/dev/null
source /etc/llmstrat/env

instance=$(/opt/llmstrat/imds.sh instance-id)
more=()
if [[ $LLMSTRAT_EFA == 1 ]]; then more+=(--device=/dev/infiniband); fi
if [[ -n $LLMSTRAT_FILE_SYSTEM ]]; then
  /opt/llmstrat/lustre.sh
  more+=(--volume /fsx:/fsx)
fi
for name in "${!LLMSTRAT_@}" AWS_REGION AWS_DEFAULT_REGION; do
  if [[ -n ${!name} ]]; then more+=(--env "$name=${!name}"); fi
done
exec docker run --rm --name llmstrat-node --gpus all --network=host --ipc=host --ulimit memlock=-1 \
  --ulimit stack=67108864 --volume "$LLMSTRAT_CACHE/job:/opt/llmstrat/job" "${more[@]}" \
  --env LLMSTRAT_WORK=/opt/llmstrat/job --env HF_HOME=/opt/llmstrat/job/huggingface --env LLMSTRAT_INSTALL=1 \
  --env "LLMSTRAT_INSTANCE=$instance" \
  --log-driver awslogs --log-opt "awslogs-region=$AWS_REGION" --log-opt "awslogs-group=$LLMSTRAT_LOG_GROUP" \
  --log-opt "awslogs-stream=${LLMSTRAT_JOB_URI##*/}/$instance" --log-opt mode=non-blocking \
  --entrypoint /bin/bash "$LLMSTRAT_IMAGE" -c 'exec python3 /opt/llmstrat/job/code/cluster_launch.py'

#!/usr/bin/env bash
# Stands in for python3 in the batch script: runs it in the container, on the host's network and with its EFA devices.
set -euo pipefail
# shellcheck source=/dev/null
source /etc/llmstrat/env

# By which the other nodes reach this one; a HyperPod node has interfaces of AWS's own, too.
address=$(scontrol show node "$SLURMD_NODENAME" --oneliner | grep -o ' NodeAddr=[^ ]*' | cut -d= -f2)
address=$(getent ahostsv4 "$address" | awk 'NR == 1 { print $1 }')
more=()
if [[ $LLMSTRAT_EFA == 1 ]]; then more+=(--device=/dev/infiniband); fi
if [[ -n $LLMSTRAT_SHARED ]]; then more+=(--volume "$LLMSTRAT_SHARED:$LLMSTRAT_SHARED"); fi
for name in "${!LLMSTRAT_@}" AWS_REGION AWS_DEFAULT_REGION; do
  if [[ -n ${!name} ]]; then more+=(--env "$name=${!name}"); fi
done
# What an earlier step may have left.
docker rm --force llmstrat-node >/dev/null 2>&1 || true
exec docker run --rm --name llmstrat-node --gpus all --network=host --ipc=host --ulimit memlock=-1 \
  --ulimit stack=67108864 --volume "$LLMSTRAT_CACHE/job:/opt/llmstrat/job" "${more[@]}" \
  --env LLMSTRAT_WORK=/opt/llmstrat/job --env HF_HOME=/opt/llmstrat/job/huggingface \
  --env "LLMSTRAT_HOST=$SLURMD_NODENAME" --env "LLMSTRAT_ADDRESS=$address" \
  --log-driver awslogs --log-opt "awslogs-region=$AWS_REGION" --log-opt "awslogs-group=$LLMSTRAT_LOG_GROUP" \
  --log-opt "awslogs-stream=${LLMSTRAT_JOB_URI##*/}/$SLURMD_NODENAME" --log-opt mode=non-blocking \
  --entrypoint python3 "$LLMSTRAT_IMAGE" "$@"

#!/usr/bin/env bash
# Once a minute: the engine's load to CloudWatch, for the fleet to scale on; or the end, if the instance is to go.
set -euo pipefail
# shellcheck source=/dev/null
source /etc/llmstrat/env

instance=$(/opt/llmstrat/imds.sh instance-id)
if [[ $(/opt/llmstrat/imds.sh autoscaling/target-lifecycle-state) == Terminated ]]; then
  if [[ ! -e /var/lib/llmstrat-served ]]; then
    /opt/llmstrat/failed.sh 'the engine never became healthy'
  fi
  # The balancer has drained the instance before the hook holds it; this lets the engine finish what is left.
  systemctl stop llmstrat-engine.service
  aws autoscaling complete-lifecycle-action --lifecycle-hook-name drain --lifecycle-action-result CONTINUE \
    --auto-scaling-group-name "$LLMSTRAT_GROUP" --instance-id "$instance"
  exit 0
fi

metrics=$(curl -sf --max-time 10 "http://127.0.0.1:$LLMSTRAT_PORT/metrics") || exit 0
touch /var/lib/llmstrat-served
waiting=$(awk '/^vllm:num_requests_waiting[{ ]/ {sum += $NF} END {print sum + 0}' <<<"$metrics")
cache=$(awk '/^vllm:kv_cache_usage_perc[{ ]/ && $NF > most {most = $NF} END {print 100 * most}' <<<"$metrics")
dimensions="Dimensions=[{Name=AutoScalingGroupName,Value=$LLMSTRAT_GROUP}]"
aws cloudwatch put-metric-data --namespace llmstrat --metric-data \
  "MetricName=waiting_requests,Value=$waiting,Unit=Count,$dimensions" \
  "MetricName=kv_cache_percent,Value=$cache,Unit=Percent,$dimensions"

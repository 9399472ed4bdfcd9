#!/usr/bin/env bash
# Submits the job once all its nodes are in the partition, and waits for its end. Safe to start again: what Slurm knows
# is waited for, and what is over isn't submitted again.
set -euo pipefail
# shellcheck source=/dev/null
source /etc/llmstrat/env
export PATH=$PATH:/opt/slurm/bin

readonly name=${LLMSTRAT_JOB_URI##*/} submitted=/var/lib/llmstrat-submitted seen=/var/lib/llmstrat-step
readonly pause=${LLMSTRAT_LOOK_SECONDS:-60}

states() { squeue --noheader --name "$name" --format %T; }

nodes() { { sinfo --noheader --Node --partition "$LLMSTRAT_PARTITION" --format %N || true; } | sort -u | grep -c .; }

verdict() {
  { aws s3 cp "$LLMSTRAT_JOB_URI/status.json" - 2>/dev/null || true; } |
    /opt/llmstrat/job_status.py verdict "$LLMSTRAT_MAX_SECONDS" "$LLMSTRAT_IDLE_SECONDS" "$seen"
}

submit() {
  # Slurm refuses a job for more nodes than it knows; for those that are still being tested it waits.
  until (($(nodes) >= LLMSTRAT_NODES)); do sleep "$pause"; done
  sbatch --parsable --job-name "$name" --partition "$LLMSTRAT_PARTITION" --chdir /opt/llmstrat/job --export=ALL \
    --output /var/log/llmstrat-%j.log /opt/llmstrat/job/code/job.sbatch
  touch "$submitted"
  /opt/llmstrat/say.sh "submitted to Slurm, for $LLMSTRAT_NODES nodes"
}

if [[ $(verdict) == over ]]; then exec /opt/llmstrat/over.sh; fi
if [[ -z $(states) && ! -e $submitted ]]; then submit; fi
missing=0 ending=0
while true; do
  sleep "$pause"
  known=$(states)
  # The clock for steps stands still while the job waits for nodes.
  if [[ $known != *RUNNING* && -e $seen ]]; then touch "$seen"; fi
  case $(verdict) in
    # The nodes may still be leaving; ten looks are enough.
    over) if [[ -z $known ]] || ((++ending > 10)); then exec /opt/llmstrat/over.sh; fi ;;
    late) exec /opt/llmstrat/over.sh "stopped: the job's time (max_duration) is over" ;;
    idle) exec /opt/llmstrat/over.sh "stopped: no new step in $((LLMSTRAT_IDLE_SECONDS / 60)) minutes (idle_minutes)" ;;
    *) if [[ -n $known ]]; then missing=0; else missing=$((missing + 1)); fi ;;
  esac
  if ((missing > 3)); then exec /opt/llmstrat/over.sh "the job has left Slurm's queue without a result"; fi
done

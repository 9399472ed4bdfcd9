#!/usr/bin/env bash
# After the launcher has ended on this node: what that means for all of them. What isn't named here is this node's own
# trouble, or another's that it noticed (75): the unit starts the launcher again.
set -euo pipefail

# The system itself stops: the node was reclaimed, replaced or terminated, and nothing here decides what comes next.
if [[ $(systemctl is-system-running) == stopping ]]; then exit 0; fi
case ${EXIT_STATUS:-} in
  # Another node may still be at it, such as at the model's upload.
  0) /opt/llmstrat/over.sh || true ;;
  1) /opt/llmstrat/over.sh "the launcher ended with status 1 on $(/opt/llmstrat/imds.sh instance-id)" ;;
  # A spare node has taken its place; what comes instead is the next spare one.
  76) /opt/llmstrat/node_failed.sh "the acceptance gate refuses the node" ;;
esac

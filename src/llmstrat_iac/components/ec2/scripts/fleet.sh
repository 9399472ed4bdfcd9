#!/usr/bin/env bash
# Starts an instance of the fleet. The timer comes first: it also ends the instance if the rest fails.
set -euo pipefail

systemctl daemon-reload
systemctl enable --now llmstrat-report.timer
/opt/llmstrat/machine.sh
systemctl enable --now llmstrat-engine.service

#!/usr/bin/env bash
# Puts the scripts of the given folder, and what differs from job to job, where they are looked for. Safe to run again.
set -euo pipefail

mkdir -p /opt/llmstrat/job /etc/llmstrat
cp "$1/env" /etc/llmstrat/env
cp "$1"/*.sh "$1"/*.py /opt/llmstrat/
chmod 755 /opt/llmstrat/*.sh /opt/llmstrat/*.py

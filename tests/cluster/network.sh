#!/usr/bin/env bash
# What the hosts of `make test-cluster` are made of: `ip` and `tc`. Installs them where that is possible, else says how.
set -euo pipefail

if [ "$(id -u)" -ne 0 ]; then
  printf 'test-cluster: network namespaces need root: run "sudo make test-cluster"\n' >&2
  exit 1
fi
if command -v ip >/dev/null && command -v tc >/dev/null; then
  exit 0
fi
if ! command -v apt-get >/dev/null; then
  printf 'test-cluster: install ip and tc (iproute2)\n' >&2
  exit 1
fi
printf 'test-cluster: installing iproute2\n' >&2
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq iproute2 >/dev/null

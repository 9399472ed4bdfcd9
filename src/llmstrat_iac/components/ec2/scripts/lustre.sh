#!/usr/bin/env bash
# Mounts the file system at /fsx. Safe to run again. The client is AWS's own, for the kernel that runs:
# https://docs.aws.amazon.com/fsx/latest/LustreGuide/install-lustre-client.html
set -euo pipefail
# shellcheck source=/dev/null
source /etc/llmstrat/env

install_client() {
  local key=/usr/share/keyrings/fsx-ubuntu-public-key.gpg list=/etc/apt/sources.list.d/fsxlustreclientrepo.list
  curl -sSf --retry 5 https://fsx-lustre-client-repo-public-keys.s3.amazonaws.com/fsx-ubuntu-public-key.asc |
    gpg --dearmor --yes -o "$key"
  echo "deb [signed-by=$key] https://fsx-lustre-client-repo.s3.amazonaws.com/ubuntu $(lsb_release -cs) main" \
    >"$list"
  # No other source: Ubuntu's own are on port 80, which the security group doesn't let out, and would be waited for.
  apt-get -qq update -o "Dir::Etc::sourcelist=$list" -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y "lustre-client-modules-$(uname -r)"
}

if ! modprobe lustre 2>/dev/null; then
  install_client
  modprobe lustre
fi
mkdir -p /fsx
for attempt in 1 2 3 4 5; do
  if mountpoint -q /fsx || mount -t lustre -o relatime,flock "$LLMSTRAT_FILE_SYSTEM" /fsx; then exit 0; fi
  sleep $((attempt * 15))
done
echo "the file system $LLMSTRAT_FILE_SYSTEM can't be mounted" >&2
exit 1

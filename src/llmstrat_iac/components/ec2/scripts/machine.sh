#!/usr/bin/env bash
# Readies any instance: the fast local disk at $LLMSTRAT_CACHE and the container image. Safe to run again.
set -euo pipefail
# shellcheck source=/dev/null
source /etc/llmstrat/env

mount_local_disk() {
  # The deep-learning AMI mounts the instance store itself, by a unit that may still be at it.
  systemctl start dlami-nvme.service 2>/dev/null || true
  if ! mountpoint -q /opt/dlami/nvme; then
    local disks
    mapfile -t disks < <(find /dev/disk/by-id -name 'nvme-Amazon_EC2_NVMe_Instance_Storage_*-ns-1' | sort)
    if ((${#disks[@]} > 0)); then
      mdadm --create /dev/md0 --level=0 --force --run --raid-devices="${#disks[@]}" "${disks[@]}"
      mkfs.xfs -q -f /dev/md0
      mkdir -p /opt/dlami/nvme
      mount /dev/md0 /opt/dlami/nvme
    fi
  fi
  # Without any local disk the folder is on the root volume.
  mkdir -p "$LLMSTRAT_CACHE"
}

pull_image() {
  local registry=${LLMSTRAT_IMAGE%%/*}
  if [[ $registry == *.dkr.ecr.* ]]; then
    aws ecr get-login-password --region "$(cut -d. -f4 <<<"$registry")" |
      docker login --username AWS --password-stdin "$registry"
  fi
  local attempt
  for attempt in 1 2 3 4 5; do
    if docker pull --quiet "$LLMSTRAT_IMAGE"; then return 0; fi
    sleep $((attempt * 15))
  done
  echo "the image $LLMSTRAT_IMAGE can't be pulled" >&2
  return 1
}

mount_local_disk
pull_image

#!/bin/sh
# Makes a Docker engine answer: installs Debian's docker.io when there is no dockerd, and starts dockerd when none answers. Needs root.
# The engine is left running; its log is /var/log/dockerd.log.
set -eu

answers() {
  docker version >/dev/null 2>&1
}

if ! command -v dockerd >/dev/null 2>&1; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  apt-get install -q -y --no-install-recommends docker.io iptables
fi
if answers; then
  exit 0
fi

# A bare machine may lack the mounts that an init system makes.
if ! mountpoint -q /sys/fs/cgroup; then
  mount -t cgroup2 none /sys/fs/cgroup || mount -t tmpfs cgroup /sys/fs/cgroup
fi
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
  for controller in $(awk '$1 !~ /^#/ && $4 == 1 { print $1 }' /proc/cgroups); do
    mountpoint -q "/sys/fs/cgroup/$controller" && continue
    mkdir -p "/sys/fs/cgroup/$controller"
    mount -t cgroup -o "$controller" "$controller" "/sys/fs/cgroup/$controller" ||
      rmdir "/sys/fs/cgroup/$controller"
  done
fi
rm -f /var/run/docker.pid

start() {
  setsid dockerd "$@" >>/var/log/dockerd.log 2>&1 </dev/null &
  pid=$!
  for _ in $(seq 1 120); do
    if answers; then
      echo "dockerd runs (pid $pid)"
      exit 0
    fi
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.5
  done
  kill "$pid" 2>/dev/null || true
}

start
# The overlay driver does not work on every file system.
start --storage-driver=vfs
tail -n 30 /var/log/dockerd.log >&2
echo "dockerd did not start; its log is /var/log/dockerd.log" >&2
exit 1

#!/usr/bin/env bash
# Runs a program in a network that network.sh has made, with files of its own over this machine's: what it writes is written to memory only.
# usage: service.sh NETWORK FILES PROGRAM ARGUMENTS...    FILES is a folder that is copied over the root
set -euo pipefail
exec ip netns exec "$1" unshare --mount --propagation private bash -euc '
  files=$1
  shift
  mkdir -p "$files.root"
  mount -t tmpfs root "$files.root"
  cd "$files.root"
  mkdir upper work root
  cp -R "$files/." upper/
  mount -t overlay -o "lowerdir=/,upperdir=upper,workdir=work" overlay root
  mount --rbind /proc root/proc
  mount --rbind /dev root/dev
  exec chroot root "$@"
' service "${@:2}"

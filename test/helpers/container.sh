#!/usr/bin/env bash
# Runs a program as a container does that has its root file system read-only, no root, and no shell: there is nothing but the program's directory, the system's
# libraries, /proc and /dev/null. usage: container.sh DIRECTORY PROGRAM ARGUMENTS...
set -euo pipefail
exec unshare --user --map-root-user --mount bash -euc '
  directory=$1 program=$2
  shift
  # A directory that is everywhere, and that the program does not need.
  root=/sys
  mount -t tmpfs root "$root"
  for part in /lib /lib64 /usr/lib /dev/null "$directory" "$program"; do
    if [ -d "$part" ]; then mkdir -p "$root$part"
    elif [ -e "$part" ]; then mkdir -p "$root$(dirname "$part")" && touch "$root$part"
    else continue; fi
    mount --bind -o ro "$part" "$root$part"
  done
  mkdir "$root/proc"
  mount --rbind /proc "$root/proc"
  mount -o remount,ro "$root"
  exec unshare --user --map-user=65532 --map-group=65532 --root="$root" --wd=/ "$@"
' container "$@"

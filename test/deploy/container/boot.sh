#!/usr/bin/env bash
# Boots a systemd, in a container whose root is this machine's as it stands: what is written there is written to memory only. It has a loopback interface and no other.
# It runs check.service, and the exit code is that one's. usage: boot.sh DIRECTORY NODE NATS_SERVER CHECKOUT    DIRECTORY is copied over the root
set -euo pipefail
exec unshare --mount --propagation private bash -euc '
  directory=$1 node=$2 nats=$3 checkout=$4
  mkdir -p "$directory.root"
  mount -t tmpfs root "$directory.root"
  cd "$directory.root"
  mkdir upper work root
  cp -R "$directory/." upper/
  mount -t overlay -o "lowerdir=/,upperdir=upper,workdir=work" overlay root
  exec systemd-nspawn --quiet --directory=root --boot --register=no --keep-unit --private-network --link-journal=no --timezone=off \
    --bind-ro="$node:/usr/bin/node" --bind-ro="$nats:/usr/bin/nats-server" --bind-ro="$checkout:/opt/checkout" systemd.unit=check.service quiet
' container "$@"

#!/usr/bin/env bash
# A network of its own for each service, joined by a bridge that nothing else is on. usage: network.sh up PREFIX ADDRESS/BITS NAME=ADDRESS/BITS... | down PREFIX
# The first address is the bridge's, in the network PREFIX-hub.
set -euo pipefail
command=$1 prefix=$2

up() {
  local hub=$prefix-hub bridge=$1 service
  shift
  ip netns add "$hub"
  ip -n "$hub" link set lo up
  ip -n "$hub" link add bridge type bridge
  ip -n "$hub" address add "$bridge" dev bridge
  ip -n "$hub" link set bridge up
  for service in "$@"; do attach "$hub" "${service%%=*}" "${service#*=}"; done
}

attach() {
  local hub=$1 name=$2 address=$3
  ip netns add "$prefix-$name"
  ip -n "$hub" link add "to-$name" type veth peer name eth0 netns "$prefix-$name"
  ip -n "$hub" link set "to-$name" master bridge up
  ip -n "$prefix-$name" link set lo up
  ip -n "$prefix-$name" address add "$address" dev eth0
  ip -n "$prefix-$name" link set eth0 up
}

down() {
  local name
  for name in $(ip netns list | awk -v prefix="$prefix-" 'index($1, prefix) == 1 { print $1 }'); do ip netns delete "$name"; done
}

"$command" "${@:3}"

#!/usr/bin/env bash
# Puts Prometheus and promtool, which the test in this folder runs, into DIRECTORY: those of Debian.
# usage: setup.sh DIRECTORY    when they cannot be had that is said, and their test is skipped by name
set -uo pipefail
mkdir -p "$1"
out=$(cd "$1" && pwd)

# RUNLEVEL: the package is not to start its service.
install_package() {
  export RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive
  timeout 120 apt-get update && timeout 300 apt-get install -y --no-install-recommends prometheus
}

prometheus() {
  { type -P prometheus && type -P promtool; } > /dev/null || install_package > "$out/install.log" 2>&1 || return 1
  for program in prometheus promtool; do ln -sf "$(type -P "$program")" "$out/$program"; done
  "$out/prometheus" --version 2>&1 | head -1
}

prometheus < /dev/null || { rm -f "$out/prometheus" "$out/promtool" && echo 'cannot be had here: prometheus'; }

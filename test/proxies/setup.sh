#!/usr/bin/env bash
# Puts the proxies that the tests in this folder run into DIRECTORY/bin: those of Debian, and Caddy by Go.
# usage: setup.sh DIRECTORY    each that cannot be had is said, and its tests are skipped by name
set -uo pipefail
mkdir -p "$1/bin"
bin=$(cd "$1/bin" && pwd)
export GOBIN=$bin
# Debian keeps daemons where only root looks.
PATH=$PATH:/usr/sbin

# A program that is installed, or is by apt where we may. RUNLEVEL: the package is not to start its service.
debian() {
  type -P "$1" > /dev/null || install_package "$1" > "$bin/$1.log" 2>&1 || return 1
  ln -sf "$(type -P "$1")" "$bin/$1" && "$bin/$1" -v
}

install_package() {
  export RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive
  timeout 120 apt-get update && timeout 300 apt-get install -y --no-install-recommends "$1"
}

nginx() { debian nginx; }
haproxy() { debian haproxy; }
caddy() {
  local version=v2.11.9
  case $("$bin/caddy" version 2> /dev/null) in "$version"*) return 0 ;; esac
  timeout 900 go install "github.com/caddyserver/caddy/v2/cmd/caddy@$version"
}

for proxy in nginx haproxy caddy; do
  "$proxy" < /dev/null || { rm -f "$bin/$proxy" && echo "cannot be had here: $proxy"; }
done

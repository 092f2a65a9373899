#!/usr/bin/env bash
# Puts the tools that the tests in this folder run into DIRECTORY: those of Debian by apt where we may, helm and the Compose Specification's own by Go, and
# kubernetes-validate by pip.
# usage: setup.sh DIRECTORY    each that cannot be had is said, and its tests are skipped by name
set -uo pipefail
mkdir -p "$1"
tools=$(cd "$1" && pwd)

# PROGRAM PACKAGE: a program that is installed, or is by apt.
debian() {
  type -P "$1" > /dev/null || install_package "$2" > "$tools/$2.log" 2>&1 || return 1
  ln -sf "$(type -P "$1")" "$tools/$1"
}

# RUNLEVEL: the package is not to start its service.
install_package() {
  export RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive
  timeout 120 apt-get update && timeout 300 apt-get install -y --no-install-recommends "$1"
}

# NAME PATH VERSION: a program that Go builds, kept until another version is asked for.
go_program() {
  [ -x "$tools/$1" ] && [ "$(cat "$tools/$1.version" 2> /dev/null)" = "$3" ] && return 0
  mkdir -p "$tools/go" && GOBIN=$tools/go timeout 900 go install "$2@$3" && mv "$tools/go/${2##*/}" "$tools/$1" && echo "$3" > "$tools/$1.version"
}

systemd() { debian systemd-analyze systemd; }
# It needs root, and namespaces to mount in.
container() { [ "$(id -u)" -eq 0 ] && unshare --mount true && debian systemd-nspawn systemd-container; }
# Networks of their own, for root.
networks() { [ "$(id -u)" -eq 0 ] && unshare --net true && PATH=$PATH:/usr/sbin debian ip iproute2; }
haproxy() { PATH=$PATH:/usr/sbin debian haproxy haproxy; }
helm() { go_program helm helm.sh/helm/v4/cmd/helm v4.3.2; }
compose() { go_program compose-spec github.com/compose-spec/compose-go/v2/cmd v2.16.2; }
# It has the schemas of Kubernetes in it.
kubernetes_validate() { python3 -m venv "$tools/venv" && "$tools/venv/bin/pip" install --quiet kubernetes-validate==1.37.0 && ln -sf venv/bin/kubernetes-validate "$tools/"; }

for part in systemd container networks haproxy helm compose kubernetes_validate; do
  "$part" < /dev/null || echo "cannot be had here: $part"
done

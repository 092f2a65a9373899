#!/usr/bin/env bash
# Says where the chromium is that the tests in this folder use: one that is installed, or Debian's, by apt where we may.
# Prints its path, or nothing if it cannot be had here; the tests are then skipped by name.
set -uo pipefail

install_package() {
  export DEBIAN_FRONTEND=noninteractive
  timeout 120 apt-get update && timeout 600 apt-get install -y --no-install-recommends chromium
}

if ! type -P chromium > /dev/null && ! install_package < /dev/null > /dev/null 2>&1; then
  echo 'cannot be had here: chromium' >&2
fi
type -P chromium || true

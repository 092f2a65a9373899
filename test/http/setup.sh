#!/usr/bin/env bash
# Puts Schemathesis, which the test in this folder runs, into DIRECTORY/venv.
# usage: setup.sh DIRECTORY    when it cannot be had that is said, and its test is skipped by name
set -uo pipefail
mkdir -p "$1"
out=$(cd "$1" && pwd)

schemathesis() { python3 -m venv "$out/venv" && "$out/venv/bin/pip" install --quiet schemathesis==4.32.5; }

schemathesis < /dev/null || { rm -rf "$out/venv" && echo 'cannot be had here: schemathesis'; }

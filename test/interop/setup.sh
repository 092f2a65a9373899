#!/usr/bin/env bash
# Makes the stock tools and the viewers in other languages that the tests in this folder run: generated stubs, built programs.
# usage: setup.sh DIRECTORY    each that cannot be had is said, and its tests are skipped by name
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
mkdir -p "$1"
out=$(cd "$1" && pwd)
export GOBIN=$out/bin
PATH=$GOBIN:$PATH

python() {
  python3 -m venv "$out/venv" && "$out/venv/bin/pip" install --quiet grpcio grpcio-tools googleapis-common-protos &&
    mkdir -p "$out/python" &&
    "$out/venv/bin/python" -m grpc_tools.protoc -I "$root/protos" --python_out="$out/python" --grpc_python_out="$out/python" live/v1/live.proto &&
    cp "$here/python/viewer.py" "$out/python/"
}

go_viewer() {
  go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.10 &&
    go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.0 &&
    rm -rf "$out/go" && cp -R "$here/go" "$out/go" &&
    (cd "$root" && npx buf generate --path protos/live --template \
      "{\"version\":\"v2\",\"plugins\":[{\"local\":\"protoc-gen-go\",\"out\":\"$out/go/live/v1\",\"opt\":\"module=live-gateway/live/v1\"},{\"local\":\"protoc-gen-go-grpc\",\"out\":\"$out/go/live/v1\",\"opt\":\"module=live-gateway/live/v1\"}]}") &&
    (cd "$out/go" && go build -o "$out/bin/viewer" .)
}

grpcurl() { go install github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3; }

for part in python go_viewer grpcurl; do
  "$part" < /dev/null || echo "cannot be had here: $part"
done

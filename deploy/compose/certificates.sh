#!/bin/sh
# Makes an authority, and certificates for everything in deploy/compose.yaml, unless they are there. For trying: where it is served in earnest, live.pem is one that
# viewers' systems know. usage: certificates.sh DIRECTORY
set -eu
cd "$1"
[ -e live.pem ] && exit 0
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -days 825 -subj '/CN=live-gateway compose' 2> /dev/null
for name in server live; do
  case $name in
    server) names=DNS:nats-1,DNS:nats-2,DNS:nats-3 ;;
    live) names=DNS:localhost,DNS:haproxy,IP:127.0.0.1 ;;
  esac
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$name.key" -out "$name.csr" -subj "/CN=$name" 2> /dev/null
  printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$names" > "$name.ext"
  openssl x509 -req -in "$name.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 825 -extfile "$name.ext" -out "$name.crt" 2> /dev/null
  rm "$name.csr" "$name.ext"
done
# Those who read them are users of their own in their containers; nobody else reaches the volume.
chmod 0644 server.key live.key
cat live.crt live.key > live.new
chmod 0644 live.new
mv live.new live.pem

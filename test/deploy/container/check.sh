# What becomes of live-gateway.service when it is started, used, read again, killed, stopped, and set up wrongly.
set -euo pipefail
trap 'echo "failed in line $LINENO"' ERR

property() { systemctl show --property "$1" --value live-gateway; }
# Until a command succeeds; check.service bounds all of it.
until_() { until "$@" > /dev/null 2>&1; do sleep 0.1; done; }
logged() { journalctl --no-pager -o cat -u live-gateway | grep -q -- "$1"; }
main() { property MainPID; }
status() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$(main)/status"; }
equals() { [ "$2" = "$3" ] || { echo "$1: $2, not $3" && return 1; }; }

nats-server -a 127.0.0.1 -js -sd /run/nats -l /run/nats.log &
until_ bash -c 'echo > /dev/tcp/127.0.0.1/4222'
mkdir -p /etc/live-gateway
chown root:live-gateway /etc/live-gateway/live-gateway.env
chmod 0640 /etc/live-gateway/live-gateway.env

systemctl start live-gateway
until_ logged '"msg":"ready"'
echo 'it is confined'
equals user "$(stat -c %U "/proc/$(main)")" live-gateway
equals capabilities "$(status CapEff)$(status CapBnd)" 00000000000000000000000000000000
equals 'new privileges' "$(status NoNewPrivs)" 1
equals 'system calls are filtered' "$(status Seccomp)" 2
# Or as many as this machine allows anybody.
most=$(awk '/^Max open files/ { print ($5 < 262144 ? $5 : 262144) }' /proc/1/limits)
equals 'open files' "$(awk '/^Max open files/ { print $4 "/" $5 }' "/proc/$(main)/limits")" "$most/$most"
inside() { nsenter --target "$(main)" --mount -- "$@"; }
! inside touch /usr/written 2> /dev/null
! inside touch /etc/written 2> /dev/null
equals 'homes' "$(inside ls -A /root /home 2> /dev/null | grep -v : | tr -d '\n' || true)" ''
inside touch /var/lib/live-gateway/written /var/log/live-gateway/written

echo 'it serves'
node /opt/check/viewer.mjs round-trip

echo 'it reads its files again'
before=$(main)
systemctl reload live-gateway
node /opt/check/viewer.mjs round-trip
equals 'main process' "$(main)" "$before"

echo 'it is started again when it is killed'
kill -KILL "$(main)"
until_ bash -c '[ "$(systemctl show --property NRestarts --value live-gateway)" = 1 ]'
until_ bash -c 'echo > /dev/tcp/127.0.0.1/50051'
node /opt/check/viewer.mjs round-trip

echo 'a viewer is sent away when it is stopped'
node /opt/check/viewer.mjs sent-away &
viewer=$!
until_ test -e /run/viewer-is-live
systemctl stop live-gateway
wait "$viewer"
equals result "$(property Result)" success
equals 'exit code' "$(property ExecMainStatus)" 0
logged '"msg":"stopped"'

echo 'it is not started again with a wrong setting'
echo 'LIVE_HEARTBEAT=often' >> /etc/live-gateway/live-gateway.env
systemctl start live-gateway || true
until_ bash -c '[ "$(systemctl show --property ActiveState --value live-gateway)" = failed ]'
equals 'exit code' "$(property ExecMainStatus)" 2
logged 'LIVE_HEARTBEAT'

echo 'all is well'

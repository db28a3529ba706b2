# What hangs is restarted, and what only waits is left alone: three recorders under the watchdog at
# once, one of whose instruments hangs, one is silent, and one's disk is frozen. /data is a file
# system that can be frozen; the host looks at it afterwards.
# WATCHDOG: WatchdogSec; FROZEN: for how long the disk stands still. Both in seconds.
# shellcheck shell=bash disable=SC2154  # inside.sh stands before this file.

install_package >/dev/null
trap 'fsfreeze -u /data 2>/dev/null || true' EXIT
mkdir -p /etc/systemd/system/framelogd@.service.d
# The time to stop is shorter than what the frozen disk will take.
printf '[Service]\nWatchdogSec=%s\nTimeoutStopSec=5\n' "$WATCHDOG" \
  >/etc/systemd/system/framelogd@.service.d/short.conf
systemctl daemon-reload

# configure INSTRUMENT BASE [LINE...]: the lines belong to the source.
configure() {
  local name=$1 base=$2
  shift 2
  install -d -o framelog -g framelog "$base"
  cat >"/etc/framelogd/$name.conf" <<CONF
[ring]
memory = 32 MiB
[roll]
max_frames = 300
[retention]
min_free = 16 MiB
[files]
base = $base
sync_interval = 100 ms
[source]
driver = simulator
width = 64
height = 32
pattern = ramp
rate = 100 Hz
$(printf '%s\n' "$@")
CONF
}
configure hang /srv/hang 'faults = hang at 150'
# With stall_timeout = off nobody minds the silence, so the watchdog must not either.
configure silent /srv/silent 'faults = silent at 150' 'stall_timeout = off'
configure frozen /data/frozen

property() { systemctl show -P "$2" "framelogd@$1"; }
json_of() { framelog -i "$1" status --json; }
# number INSTRUMENT KEY: the first number behind this key in its status.
number() { json_of "$1" | grep -o "\"$2\":[0-9]*" | head -1 | grep -o '[0-9]*$'; }
told() { journalctl --no-pager --quiet --output=json "_SYSTEMD_UNIT=framelogd@$1.service" "FRAMELOG_EVENT=$2"; }
untroubled() {
  [[ -z $(told "$1" watchdog) && $(property "$1" NRestarts) == 0 ]] || fail "$1 was restarted"
  has "$(json_of "$1")" '"state":"recording"'
}
passed() { (($(now_ms) >= $1)); }

step 'three recorders'
systemctl start framelogd@{hang,silent,frozen}
# On a busy machine the simulator loses frames as a camera does, so that it may be fewer than 150.
is_silent() {
  local received
  received=$(number silent received)
  sleep 1
  ((received > 100 && $(number silent received) == received))
}
until_true 30 is_silent
silent_from=$(now_ms)

step "the disk stands still for $FROZEN s"
fsfreeze -f /data
frozen_from=$(now_ms)

step 'a hanging instrument trips the watchdog, which names the stage; the next process goes on'
took_over() { [[ -n $(told hang took-over) ]]; }
until_true $((5 * WATCHDOG + 30)) took_over
has "$(told hang watchdog)" '"FRAMELOG_STAGE":"capture"'
has "$(systemctl show -P NRestarts framelogd@hang)" 1

step 'and a disk that stands still, or an instrument that is silent, do not'
until_true $((FROZEN + 30)) passed $((frozen_from + FROZEN * 1000))
untroubled frozen
waiting=$(number frozen used)
((waiting > FROZEN * 50)) || fail "only $waiting frames wait for the disk, which is not frozen"
fsfreeze -u /data
printf 'measured: the disk stood still for %d ms, %d frames waited\n' $(($(now_ms) - frozen_from)) "$waiting"
until_true $((3 * WATCHDOG + 30)) passed $((silent_from + 3 * WATCHDOG * 1000))
untroubled silent

step 'a ring of another configuration: its run ends, and a new one begins'
configure hang /srv/hang
stopped() { [[ -n $(told hang recording-stopped) ]]; }
until_true $((5 * WATCHDOG + 30)) stopped
records_again() { framelog -i hang status --check; }
until_true 30 records_again

step 'stopping waits for a slow disk for longer than TimeoutStopSec'
fsfreeze -f /data
frozen_from=$(now_ms)
systemctl stop --no-block framelogd@frozen
until_true 60 passed $((frozen_from + 10000))
[[ $(property frozen ActiveState) == deactivating ]] || fail 'it has not waited for the disk'
fsfreeze -u /data
ended() { [[ $(property "$1" ActiveState) == inactive ]]; }
until_true 60 ended frozen
systemctl stop framelogd@{hang,silent}
for name in hang silent frozen; do
  [[ $(property "$name" Result) == success ]] || fail "$name: $(property "$name" Result)"
done

step 'what was recorded'
framelog verify /srv/hang /srv/silent /data/frozen
cp -a /srv/hang /srv/silent /data/
for name in hang silent frozen; do
  journalctl --no-pager --quiet --output=cat -u "framelogd@$name" >"/data/$name.journal"
done

# Kills a recorder of 2000 frames a second at random instants, under systemd, and stops it at last.
# KILLS: how often; SEED: repeats a campaign. The host looks at /data afterwards.
# shellcheck shell=bash disable=SC2154  # inside.sh stands before this file.

install_package >/dev/null
install -d -o framelog -g framelog /data/base
cat >/etc/framelogd/kills.conf <<'CONF'
[source]
driver = simulator
width = 64
height = 32
pattern = ramp
rate = 2 kHz
[product.whole]
[product.raw]
format = raw
[ring]
memory = 32 MiB
[roll]
max_frames = 1500
[files]
base = /data/base
sync_interval = 100 ms
CONF
main_pid() { systemctl show -P MainPID framelogd@kills; }
runs() { (($(main_pid) != 0)); }
is_another_than() { [[ $(main_pid) != "$1" ]]; }
RANDOM=$SEED
systemctl start framelogd@kills
during_start=0
for ((number = 0; number < KILLS; number++)); do
  # Most recorders are killed while they record, every fourth one at any time of its start.
  if ((number % 4 == 3)); then
    until_true 60 runs
    sleep "0.$(printf %03d $((RANDOM % 300)))"
    ((during_start += 1))
  else
    until_true 60 systemctl is-active framelogd@kills
    sleep "0.$(printf %03d $((RANDOM % 1000)))"
  fi
  pid=$(main_pid)
  if ((pid != 0)); then kill -KILL "$pid"; fi
  until_true 60 is_another_than "$pid"
done
until_true 60 systemctl is-active framelogd@kills
sleep 1
systemctl stop framelogd@kills
[[ $(systemctl show -P Result framelogd@kills) == success ]]
framelog verify /data/base
printf 'killed %d times, %d of these around a start\n' "$KILLS" "$during_start"
journalctl --no-pager --quiet --output=cat _SYSTEMD_UNIT=framelogd@kills.service >/data/journal

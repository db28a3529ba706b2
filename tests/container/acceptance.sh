# A fresh machine from the package's installation to its removal, as a user goes through it.
# shellcheck shell=bash disable=SC2154  # inside.sh stands before this file.

unit=framelogd@demo
base=/var/lib/framelogd/demo

step 'the package installs from its file'
install_package
id framelog
for group in video gpio plugdev; do has " $(id -nG framelog) " " $group "; done
[[ $(stat -c '%U:%G %a' /var/lib/framelogd) == 'framelog:framelog 755' ]]
[[ $(stat -c '%U:%G %a' /etc/framelogd) == 'root:root 755' ]]
runuser -u framelog -- test ! -w /etc/framelogd

step 'systemd accepts the installed units without a word, and finds them closed'
status_of systemd-analyze verify "$unit.service" framelog.target
[[ $status == 0 && -z $output ]] || fail "systemd-analyze verify: $output"
has "$(man --warnings -E UTF-8 framelogd.conf 2>&1 | head -3)" 'FRAMELOGD.CONF'

step 'udev has nothing to say about the rules'
told=$(udevadm test /sys/devices/virtual/mem/null 2>&1 || true)
has "$told" '/udev/rules.d/60-framelog.rules'
[[ ! $told =~ 60-framelog.rules:[0-9] ]] || fail "$told"

step 'three lines of configuration, and it records'
printf '# a camera that is not there\n[source]\ndriver = simulator\n' >/etc/framelogd/demo.conf
systemctl enable --now "$unit"
framelog -i demo status
framelog -i demo status --check
exposure=$(systemd-analyze security "$unit" --no-pager | sed -n 's/.*Overall exposure.*: \([0-9.]*\) .*/\1/p')
printf 'measured: exposure %s, at most 1.8\n' "$exposure"
awk -v e="$exposure" 'BEGIN { exit !(e != "" && e <= 1.8) }'
pid=$(systemctl show -P MainPID "$unit")
grep -qx 'CapBnd:[[:space:]]*0*' "/proc/$pid/status"
video=$(getent group video | cut -d: -f3)
has " $(grep ^Groups: "/proc/$pid/status" | cut -f2) " " $video "

step 'a mark, a roll and a reload'
framelog -i demo mark 'hello'
framelog -i demo roll
systemctl reload "$unit"
[[ $(systemctl show -P MainPID "$unit") == "$pid" ]]

step 'a wrong configuration fails the reload and changes nothing'
# What the recorder is and does, without what goes on: its process, its run and its configuration.
state_of_demo() {
  systemctl show -P MainPID "$unit"
  framelog -i demo status --json | grep -o '"run":{[^}]*}'
  framelog -i demo config show
}
before=$(state_of_demo)
cp /etc/framelogd/demo.conf /tmp/demo.conf
printf '[ring]\nmemori = 64 MiB\n' >>/etc/framelogd/demo.conf
status_of systemctl reload "$unit"
((status != 0)) || fail 'the reload should have failed'
has "$(lines_of demo)" 'memori'
framelog -i demo status --check
[[ $(state_of_demo) == "$before" ]] || fail "not what it was: $(state_of_demo)"
cp /tmp/demo.conf /etc/framelogd/demo.conf
systemctl reload "$unit"

step 'another recorder of the same name is refused, whoever starts it'
before=$(state_of_demo)
for user in framelog root; do
  status_of runuser -u "$user" -- framelogd --config /etc/framelogd/demo.conf
  ((status == 2 && $(wc -l <<<"$output") == 1)) || fail "$user: status $status: $output"
done
framelog -i demo status --check
[[ $(state_of_demo) == "$before" ]] || fail "not what it was: $(state_of_demo)"

step 'SIGKILL: recording again'
active_since() { (($(stamp_ms "$unit" ActiveEnterTimestampMonotonic) > $1)); }
killed_and_back() {
  local start
  start=$(now_ms)
  systemctl kill --kill-whom=main -s KILL "$unit"
  until_true 20 active_since "$start"
  framelog -i demo status --check >/dev/null
  echo $(($(stamp_ms "$unit" ActiveEnterTimestampMonotonic) - start))
}
at_most 'SIGKILL to recording again' 1500 killed_and_back

step 'a changed configuration and a restart: the old run ends as with stop, and a new one begins'
events() { journalctl --no-pager --quiet --output=cat "_SYSTEMD_UNIT=$unit.service" "FRAMELOG_EVENT=$1" | wc -l; }
run_number() { framelog -i demo status --json | grep -o '"run":{[^}]*}' | sed 's/.*"number":\([0-9]*\).*/\1/'; }
before=$(run_number) stopped=$(events recording-stopped) took_over=$(events took-over)
mkdir -p /etc/framelogd/demo.conf.d
printf '[ring]\nmemory = 256 MiB\n[product.small]\nbin = 2x2\n' >/etc/framelogd/demo.conf.d/more.conf
systemctl restart "$unit"
(($(run_number) == before + 1 && $(events recording-stopped) == stopped + 1))
[[ $(events took-over) == "$took_over" ]] || fail 'a restart is no crash'
[[ -z $(find "$base" -name '*.part' -not -path '*/.framelog/*' -not -newer /etc/framelogd/demo.conf.d/more.conf) ]]

step 'start with a ring of 256 MiB'
started() {
  systemctl restart "$unit"
  echo $(($(stamp_ms "$unit" ActiveEnterTimestampMonotonic) - $(stamp_ms "$unit" ExecMainStartTimestampMonotonic)))
}
at_most 'start to READY' 300 started

step 'stop with a full ring of 256 MiB on a tmpfs'
mount -t tmpfs -o size=4g,mode=755 tmpfs /srv
install -d -o framelog -g framelog /srv/full
cat >/etc/framelogd/full.conf <<'CONF'
[source]
driver = simulator
width = 1024
height = 1024
rate = max
[ring]
memory = 256 MiB
[retention]
min_free = 16 MiB
[files]
base = /srv/full
CONF
ring_is_full() {
  local slots used
  read -r slots used < <(framelog -i full status --json | sed 's/.*"ring":{"slots":\([0-9]*\),"used":\([0-9]*\)}.*/\1 \2/')
  ((used >= slots - 1))
}
full_and_stopped() {
  local start
  systemctl start framelogd@full
  until_true 20 ring_is_full
  start=$(now_ms)
  systemctl stop framelogd@full
  echo $(($(now_ms) - start))
  framelog verify /srv/full >/dev/null
  rm -r /srv/full/*
}
at_most 'stop with a full ring' 2000 full_and_stopped
umount /srv

step 'what was recorded'
systemctl stop "$unit"
[[ $(systemctl is-active "$unit") == inactive ]]
framelog verify "$base"
[[ -z $(find "$base" -name '*.part') ]] || fail "unfinished: $(find "$base" -name '*.part')"
found=no
while IFS= read -r file; do
  if framelog info "$file" | grep -q hello; then found=yes; fi
done < <(find "$base" -name '*.h5')
[[ $found == yes ]] || fail 'the mark is in no file'

step 'the journal explains what happened'
explained=$(journalctl --no-pager -x -u "$unit")
has "$explained" 'Recording has started'
has "$explained" 'Defined-By: framelog'
has "$(journalctl --list-catalog)" 'Recording has started'

step 'without configuration: one line, status 2, no further start'
status_of systemctl start framelogd@nothing
sleep 2
[[ $(systemctl is-failed framelogd@nothing) == failed ]]
[[ $(systemctl show -P ExecMainStatus framelogd@nothing) == 2 ]]
[[ $(systemctl show -P NRestarts framelogd@nothing) == 0 ]]
[[ $(lines_of nothing | wc -l) == 1 ]] || fail "$(lines_of nothing)"
has "$(lines_of nothing)" '/etc/framelogd/nothing.conf'

step 'outside of the sandbox: the advice is printed, and it helps'
printf '[source]\ndriver = simulator\n[files]\nbase = /opt/recordings\n' >/etc/framelogd/outside.conf
status_of systemctl start framelogd@outside
until_true 10 systemctl is-failed framelogd@outside
[[ $(systemctl show -P ExecMainStatus framelogd@outside) == 2 ]]
advice=$(lines_of outside | sed -n "s/.*outside of the service's sandbox: \(.*\))$/\1/p")
has "$advice" ReadWritePaths
bash -euc "$advice"
systemctl start framelogd@outside
framelog -i outside status --check
systemctl stop framelogd@outside
framelog verify /opt/recordings

step 'what is private to the service is no place for recordings'
printf '[source]\ndriver = simulator\n[files]\nbase = /tmp/recordings\n' >/etc/framelogd/private.conf
status_of systemctl start framelogd@private
until_true 10 systemctl is-failed framelogd@private
has "$(lines_of private)" 'a directory that outlives the service'

step 'the drop-in for real-time priority gives what it says'
mkdir -p /etc/systemd/system/$unit.service.d
cp /usr/share/doc/framelog/examples/10-realtime.conf /etc/systemd/system/$unit.service.d/
systemctl daemon-reload
systemctl start "$unit"
pid=$(systemctl show -P MainPID "$unit")
has "$(grep CapEff "/proc/$pid/status")" 0000000000804000
# A container may not raise limits; what systemd would set can still be asked.
[[ $(systemctl show -P LimitRTPRIO "$unit") == 50 ]]
systemctl stop "$unit"
rm -r /etc/systemd/system/$unit.service.d
systemctl daemon-reload

step 'what draws and makes movies is a package of its own, which is named, and works once it is there'
segment=$(find "$base" -name '*.h5' -not -path '*/.framelog/*' | sort | head -1)
# pictures FORMAT [OPTION...]: of one frame of the segment.
pictures() {
  status_of framelog export "$segment" --cutout t=0:1 --output-folder /tmp/pictures --to "$@"
}
# The first bytes of the picture of that format.
begins() { od -An -tx1 -N4 /tmp/pictures/*."$1" | tr -d ' '; }
pictures png
[[ $status == 0 && $(begins png) == 89504e47 ]] || fail "a plain picture needs no other package: $output"
rm -r /tmp/pictures
for words in 'png --title demo' 'gif --fps 5' 'webm --fps 5' 'mp4 --fps 5'; do
  # shellcheck disable=SC2086  # Words.
  pictures $words
  [[ $status == 2 && $output == *framelog-media* ]] || fail "$words: $status, $output"
  [[ ! -e /tmp/pictures ]] || fail "$words: something is left"
done
if [[ -n $FRAMELOG_CONTAINER_MEDIA ]]; then
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -o Dpkg::Use-Pty=0 /package/framelog-media_*_"$(dpkg --print-architecture)".deb
  for words in 'png --title demo' 'gif --fps 5' 'webm --fps 5' 'mp4 --fps 5'; do
    # shellcheck disable=SC2086  # Words.
    pictures $words
    [[ $status == 0 ]] || fail "$words: $status, $output"
  done
  [[ $(begins png) == 89504e47 && $(begins gif) == 47494638 && $(begins webm) == 1a45dfa3 ]]
fi

step 'an upgrade restarts what was running, and nothing else'
systemctl start "$unit"
pid=$(systemctl show -P MainPID "$unit")
install_package --reinstall
framelog -i demo status --check
[[ $(systemctl show -P MainPID "$unit") != "$pid" ]]
[[ $(systemctl is-active framelogd@outside) != active ]]

step 'removal and purge stop the recorder and keep what belongs to the user'
files=$(find "$base" -type f -name '*.h5' | wc -l)
apt-get purge -qq -o Dpkg::Use-Pty=0 framelog
[[ ! -e /proc/$(systemctl show -P MainPID "$unit")/exe || $(systemctl show -P MainPID "$unit") == 0 ]]
(($(find "$base" -type f -name '*.h5' | wc -l) >= files))
[[ -z $(find "$base" -name '*.part') ]]
[[ -f /etc/framelogd/demo.conf ]]
[[ ! -e /etc/systemd/system/multi-user.target.wants/$unit.service ]]
step 'done'

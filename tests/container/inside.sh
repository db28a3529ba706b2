# What the scripts of this folder share; it stands before each of them.
# shellcheck shell=bash
set -euo pipefail

step() { printf '== %s\n' "$*"; }

fail() {
  printf 'FAILED: %s\n' "$*"
  journalctl --no-pager --quiet -n 60 -u 'framelogd@*' || true
  exit 1
}
trap 'fail "line $LINENO: $BASH_COMMAND"' ERR

# has TEXT PART: the text contains the part.
has() { [[ $1 == *"$2"* ]] || fail "not there: $2, but: $1"; }

# shellcheck disable=SC2034  # For the scripts behind this one.
# status_of COMMAND...: its output in $output, its exit status in $status.
status_of() {
  status=0
  output=$("$@" 2>&1) || status=$?
}

# until_true SECONDS COMMAND...
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || fail "waited in vain: $*"
    sleep 0.05
  done
}

now_ms() { awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime; }

# Of the unit's time stamps, which systemd takes itself.
stamp_ms() { echo $(($(systemctl show -P "$2" "$1") / 1000)); }

# at_most NAME MILLISECONDS COMMAND...: the command prints how long something took. The machine may
# be busy with other things, so the best of some tries counts, and the later ones wait for a while.
at_most() {
  local name=$1 bound=$2 took best=999999 pause
  shift 2
  for pause in 0 0 0 1 2 4 8 16; do
    sleep "$pause"
    took=$("$@")
    if ((took < best)); then best=$took; fi
    if ((best <= bound)); then break; fi
  done
  printf 'measured: %s %d ms, at most %d ms\n' "$name" "$best" "$bound"
  ((best <= bound)) || fail "$name took too long"
}

install_package() {
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -o Dpkg::Use-Pty=0 "$@" /package/framelog_*_"$(dpkg --print-architecture)".deb
}

# The line of a recorder that ended, without what the journal puts before it.
lines_of() { journalctl --no-pager --quiet --output=cat "_SYSTEMD_UNIT=framelogd@$1.service"; }

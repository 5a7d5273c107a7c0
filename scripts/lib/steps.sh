# shellcheck shell=bash
# Sourced by the scripts: where things are, and steps that say what they do and how long it took.
#
#   step NAME COMMAND…         `==> NAME … 12.3 s`; its output goes to a log, and is shown if it fails
#   step_shown NAME COMMAND…   the same with the output shown as it comes
#   fail SENTENCE              ends the script with one clear sentence
#   alone NAME                 waits until no other process is at this; held until the script ends
#
# A step runs in a subshell, so it cannot set the caller's variables. Steps write to stderr: stdout is
# for what a script answers.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Everything fetched or built outside `target/`; safe to delete.
export VONG_CACHE=${VONG_CACHE:-$ROOT/.cache}
mkdir -p "$VONG_CACHE/logs"
VONG_CACHE=$(cd "$VONG_CACHE" && pwd)

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "${0##*/}: $*"
  exit 1
}

alone() {
  exec {ALONE}>"$VONG_CACHE/$1.lock"
  flock "$ALONE"
}

# EPOCHREALTIME has the locale's decimal mark.
now_us() { printf '%s' "${EPOCHREALTIME/[.,]/}"; }

# seconds_since MICROSECONDS   as `12.3 s`
seconds_since() {
  local tenths=$((($(now_us) - $1 + 50000) / 100000))
  printf '%d.%d s' $((tenths / 10)) $((tenths % 10))
}

# The status must be taken without `if` or `||`: in those bash ignores `set -e` inside the command too.
run_status() {
  set +e
  (
    set -e
    "$@"
  )
  STEP_STATUS=$?
  set -e
}

# A step that is a function cannot be typed; its script can.
repeat() { if declare -F "$1" >/dev/null; then echo "$0"; else echo "$*"; fi; }

step() {
  local name=$1 log start
  shift
  log=$VONG_CACHE/logs/${name//[^A-Za-z0-9._-]/_}.log
  start=$(now_us)
  printf '==> %s … ' "$name" >&2
  run_status "$@" >"$log" 2>&1
  if ((STEP_STATUS == 0)); then
    say "$(seconds_since "$start")"
    return
  fi
  say "failed after $(seconds_since "$start")"
  tail -n 40 "$log" >&2
  say "the whole output: $log"
  say "to repeat: $(repeat "$@")"
  exit "$STEP_STATUS"
}

step_shown() {
  local name=$1 start
  shift
  start=$(now_us)
  say "==> $name"
  run_status "$@"
  if ((STEP_STATUS == 0)); then
    say "==> $name … $(seconds_since "$start")"
    return
  fi
  say "==> $name … failed after $(seconds_since "$start")"
  say "to repeat: $(repeat "$@")"
  exit "$STEP_STATUS"
}

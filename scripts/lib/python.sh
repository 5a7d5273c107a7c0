# shellcheck shell=bash
# Python, for set-up only: nothing of it is needed at run time. Source `steps.sh` and `packages.sh` first.

# need_venv NAME REQUIREMENT…   VENV is then a virtual environment with exactly these
need_venv() {
  VENV=$VONG_CACHE/venv/$1
  shift
  [[ ! -f $VENV/requirements || $(<"$VENV/requirements") != "$*" ]] || return 0
  # The system's own Python: one from a version manager may lack parts or move away.
  /usr/bin/python3 -c 'import ensurepip, venv' 2>/dev/null || need_packages python3 python3-venv
  step "Python environment ${VENV##*/}" make_venv "$VENV" "$@"
}

# Joined by `&&`: a caller may stand in a condition, where bash ignores `set -e`.
make_venv() {
  local venv=$1
  shift
  rm -rf "$venv" &&
    /usr/bin/python3 -m venv "$venv" &&
    { (($# == 0)) || "$venv/bin/pip" --disable-pip-version-check --quiet install --only-binary=:all: "$@"; } &&
    printf '%s' "$*" >"$venv/requirements"
}

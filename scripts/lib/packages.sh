# shellcheck shell=bash
# Debian packages. Source `steps.sh` first.

# need_packages PACKAGE…   installs those that are missing, in one call; says nothing if none is
need_packages() {
  command -v dpkg-query >/dev/null ||
    fail "this needs a Debian-like system; install these by hand: $*"
  local -A installed=()
  local name status missing=()
  while read -r name status; do
    [[ $status != installed ]] || installed[$name]=yes
  done < <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null)
  for name; do
    [[ -n ${installed[$name]-} ]] || missing+=("$name")
  done
  ((${#missing[@]})) || return 0
  ((EUID == 0)) ||
    fail "Debian packages are missing; install them with: sudo apt-get install --no-install-recommends ${missing[*]}"
  step "Debian packages: ${#missing[@]} missing" install_packages "${missing[@]}"
}

# The lists are refreshed only when apt cannot do without: a new system has none, an old one has stale ones.
install_packages() {
  apt_install "$@" || { apt-get -q update && apt_install "$@"; }
}

apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
    -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 install "$@"
}

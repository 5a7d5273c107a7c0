# shellcheck shell=bash
# Files that are taken only with the right sha256. Source `steps.sh` first.

sha256_of() {
  local line
  line=$(sha256sum "$1")
  printf '%s' "${line%% *}"
}

# has_sha256 FILE SHA256   true if the file is there and is the one; says so if it is another
has_sha256() {
  [[ -f $1 ]] || return 1
  local found
  found=$(sha256_of "$1")
  [[ $found == "$2" ]] || {
    say "$1 is refused: its sha256 is $found, wanted is $2"
    return 1
  }
}

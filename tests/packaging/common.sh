# shellcheck shell=bash
# What the checks of packages have in common.
set -euo pipefail

skip() {
  echo "SKIPPED: $*"
  exit 77
}

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

need() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || skip "$tool is missing"
  done
}

# The one file of that package.
package() {
  local found=("$1/$2"_*.deb)
  [[ -f ${found[0]} && ${#found[@]} == 1 ]] || fail "$1 has no package $2, or several: ${found[*]}"
  printf '%s\n' "${found[0]}"
}

# A folder that goes with the script.
scratch=''
make_scratch() {
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
}

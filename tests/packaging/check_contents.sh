#!/usr/bin/env bash
# check_contents.sh FOLDER VERSION: who gets which files, and what the packages say about themselves.
. "$(dirname "$0")/common.sh"
need dpkg-deb

version=$2
says() { # PACKAGE FIELD PATTERN
  local text
  text=$(dpkg-deb -f "$(package "$folder" "$1")" "$2")
  grep -Eq -- "$3" <<<"$text" || fail "$1: $2 is \`$text\`, which does not match $3"
}
has() { # PACKAGE MODE PATH
  grep -Eq "^$2 root/root .* \./$3\$" <<<"${contents[$1]}" || fail "$1 has no $3 with $2"
}

folder=$1
declare -A contents
for name in troupe troupe-node libtroupe-dev; do
  contents[$name]=$(dpkg-deb -c "$(package "$folder" "$name")")
  says $name Version "^$version-1\$"
  says $name Maintainer '.+ <.+@.+>'
  says $name Priority '^optional$'
  has $name -rw-r--r-- "usr/share/doc/$name/copyright"
  has $name -rw-r--r-- "usr/share/doc/$name/changelog\.gz"
  has $name -rw-r--r-- "usr/share/doc/$name/changelog\.Debian\.gz"
  if grep -E ' \./usr/local/|root/root .* /|\.git|/build/' <<<"${contents[$name]}"; then fail "$name has files where none belong"; fi
done

says troupe Depends 'libcaf-core0\.17'
says troupe Depends 'libssl3'
has troupe -rwxr-xr-x usr/bin/troupe
has troupe -rw-r--r-- usr/share/man/man1/troupe.1.gz
has troupe -rw-r--r-- usr/share/bash-completion/completions/troupe
has troupe -rw-r--r-- usr/share/zsh/site-functions/_troupe
has troupe -rw-r--r-- usr/share/fish/vendor_completions.d/troupe.fish
has troupe -rw-r--r-- usr/share/troupe/workflow.schema.json
has troupe -rw-r--r-- usr/share/troupe/openapi.json
if grep -E '/include/|\.a$|/etc/' <<<"${contents[troupe]}"; then fail 'troupe has files of others'; fi

says troupe-node Architecture '^all$'
says troupe-node Depends "troupe \(= $version-1\)"
has troupe-node -rw-r--r-- etc/troupe/troupe.yaml
has troupe-node -rw-r--r-- usr/lib/systemd/system/troupe-coordinator.service
has troupe-node -rw-r--r-- usr/lib/systemd/system/troupe-worker.service
has troupe-node -rw-r--r-- usr/lib/sysusers.d/troupe.conf
control=$(dpkg-deb -I "$(package "$folder" troupe-node)" conffiles)
[[ $control == /etc/troupe/troupe.yaml ]] || fail "conffiles of troupe-node: $control"
make_scratch
dpkg-deb -e "$(package "$folder" troupe-node)" "$scratch"
for script in postinst prerm postrm; do
  [[ -x $scratch/$script ]] || fail "$script of troupe-node cannot be executed"
  if command -v shellcheck >/dev/null; then shellcheck "$scratch/$script"; fi
done

has libtroupe-dev -rw-r--r-- usr/include/troupe/troupe.hpp
has libtroupe-dev -rw-r--r-- 'usr/lib/[a-z0-9_-]+/libtroupe_runtime.a'
has libtroupe-dev -rw-r--r-- 'usr/lib/[a-z0-9_-]+/cmake/troupe/troupeConfig.cmake'
has libtroupe-dev -rw-r--r-- 'usr/lib/[a-z0-9_-]+/cmake/troupe/FindCAF.cmake'
says libtroupe-dev Depends 'libcaf-dev'
says libtroupe-dev Section '^libdevel$'

# Nothing belongs to two packages.
twice=$(printf '%s\n' "${contents[@]}" | awk '$1 !~ /^d/ {print $6}' | sort | uniq -d)
[[ -z $twice ]] || fail "in two packages: $twice"

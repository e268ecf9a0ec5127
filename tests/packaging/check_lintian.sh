#!/usr/bin/env bash
# check_lintian.sh FOLDER: no errors, and no warnings either.
. "$(dirname "$0")/common.sh"
need dpkg-deb lintian

export LC_ALL=C
make_scratch
cp "$(package "$1" troupe)" "$(package "$1" troupe-node)" "$scratch"
dev=$(package "$1" libtroupe-dev)
if (($(stat -c %s "$dev") < 10000000)); then
  cp "$dev" "$scratch"
else
  # lintian reads every symbol of static libraries, which takes minutes for those of a debug build.
  echo 'libtroupe-dev is looked at without its libraries: they are not those of a release'
  dpkg-deb -R "$dev" "$scratch/dev"
  find "$scratch/dev" -name '*.a' -delete
  sed -i '/\.a$/d' "$scratch/dev/DEBIAN/md5sums"
  dpkg-deb --root-owner-group -Zgzip -b "$scratch/dev" "$scratch/$(basename "$dev")" >/dev/null
fi
options=()
if ((EUID == 0)); then options+=(--allow-root); fi
lintian --fail-on error,warning "${options[@]}" "$scratch"/*.deb
echo 'nothing to complain about'

#!/usr/bin/env bash
# make_packages.sh CPACK CONFIG FOLDER
. "$(dirname "$0")/common.sh"
need dpkg-deb dpkg-shlibdeps file gzip strip

grep -q '^set(CPACK_INSTALL_PREFIX "/usr")' "$2" || skip 'this build is not configured with the prefix /usr'
rm -rf "$3"
mkdir -p "$3"
# Its own staging: the packages of the build folder stay as they are.
"$1" --config "$2" -G DEB -B "$3" -D CPACK_DEBIAN_COMPRESSION_TYPE=gzip
rm -rf "$3/_CPack_Packages"
for name in troupe troupe-node libtroupe-dev; do package "$3" "$name"; done

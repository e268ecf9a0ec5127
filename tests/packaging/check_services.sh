#!/usr/bin/env bash
# check_services.sh FOLDER: systemd understands the services, and finds little that they could still do.
. "$(dirname "$0")/common.sh"
need dpkg-deb systemd-analyze

make_scratch
for name in troupe troupe-node; do dpkg-deb -x "$(package "$1" "$name")" "$scratch"; done
units=$scratch/usr/lib/systemd/system
for unit in "$units"/*.service; do
  name=$(basename "$unit")
  program=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$unit")
  [[ -x $scratch$program ]] || fail "$name starts $program, which is in no package"

  # As it would be seen where it is installed, but for the program, which is not at its place here.
  sed "s|^ExecStart=/usr|ExecStart=$scratch/usr|" "$unit" >"$scratch/$name"
  said=$(systemd-analyze verify --man=no --recursive-errors=no "$scratch/$name" 2>&1) || fail "$name: $said"
  [[ -z $said ]] || fail "$name: $said"

  exposure=$(systemd-analyze security --offline=true --threshold=30 "$scratch/$name" --no-pager) ||
    fail "$name is exposed: $exposure"
  tail -n 1 <<<"$exposure"

  # A drain has to fit into the time that systemd gives it.
  stop=$(sed -n 's/^TimeoutStopSec=\([0-9]*\)s$/\1/p' "$unit")
  limit=$("$scratch/usr/bin/troupe" config show --config /dev/null | sed -n 's/^drain_limit: \([0-9]*\)s$/\1/p')
  ((stop > limit)) || fail "$name: TimeoutStopSec=${stop}s is not longer than drain_limit, ${limit}s"
done

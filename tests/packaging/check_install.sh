#!/usr/bin/env bash
# check_install.sh FOLDER VERSION: installs the packages into an empty folder, runs what is in there, and purges them.
. "$(dirname "$0")/common.sh"
need dpkg dpkg-deb
((EUID == 0)) || need fakeroot

make_scratch
root=$scratch/root
mkdir -p "$root"/{etc,var/lib/dpkg/updates,var/lib/dpkg/info,var/log,usr/bin}
touch "$root"/var/lib/dpkg/{status,available}
fake=()
if ((EUID != 0)); then fake=(fakeroot); fi
# Nothing else is in there, so dependencies and a shell for the scripts are those of this system.
into() { "${fake[@]}" dpkg --root="$root" --force-script-chrootless --force-depends --log=/dev/null "$@"; }

run_scripts=1
command -v systemd-sysusers >/dev/null || run_scripts=0
packages=("$(package "$1" troupe)")
if ((run_scripts)); then packages+=("$(package "$1" troupe-node)"); fi
into -i "${packages[@]}"

troupe=$root/usr/bin/troupe
said=$("$troupe" --version)
[[ $said == "troupe $2" ]] || fail "--version says: $said"
"$troupe" node --help | grep -q -- --coordinators || fail 'troupe node --help does not work'
cat >"$scratch/hello.yaml" <<'TEXT'
troupe: 1
name: hello
flow: { step: greet, uses: value, with: { value: hello } }
TEXT
said=$("$troupe" run "$scratch/hello.yaml" --quiet)
[[ $said == hello ]] || fail "a run says: $said"

((run_scripts)) || skip 'systemd-sysusers is missing: troupe-node was not installed; troupe itself works'
grep -q '^troupe:' "$root/etc/passwd" || fail 'the user troupe is missing'
"$troupe" config show --config "$root/etc/troupe/troupe.yaml" >/dev/null

echo '# mine' >>"$root/etc/troupe/troupe.yaml"
into --remove troupe-node
grep -q '^# mine$' "$root/etc/troupe/troupe.yaml" || fail 'a changed conffile went with the package'
mkdir -p "$root/var/lib/troupe"
into --purge troupe-node
into --purge troupe
left=$(find "$root/etc/troupe" "$root/var/lib/troupe" "$root"/usr -type f 2>/dev/null || true)
[[ -z $left ]] || fail "left behind: $left"

#!/usr/bin/env bash
# check_image.sh SOURCE FOLDER [PACKAGES]: builds the image on a base made by debootstrap, and runs in it what the compose
# file would. With a folder of packages the image takes those instead of building its own.
. "$(dirname "$0")/common.sh"
need buildah debootstrap python3
((EUID == 0)) || skip 'debootstrap needs root'
python3 -c 'import yaml' 2>/dev/null || skip 'the Python module yaml is missing (python3-yaml)'

source=$1 folder=$2 packages=${3:-}
mkdir -p "$folder"
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot CONTAINERS_STORAGE_CONF=$folder/storage.conf
printf '[storage]\ndriver = "vfs"\nrunroot = "%s/run"\ngraphroot = "%s/images"\n' "$folder" "$folder" >"$folder/storage.conf"

base=docker.io/library/debian:bookworm
if ! buildah inspect --type image "$base" >/dev/null 2>&1; then
  rm -rf "$folder/root"
  debootstrap --variant=minbase bookworm "$folder/root" >"$folder/debootstrap.log"
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$folder/root" /
  buildah commit --quiet "$container" "$base"
  buildah rm "$container" >/dev/null
  rm -rf "$folder/root"
fi
buildah tag "$base" "$base-slim"

make_scratch
if [[ -n $packages ]]; then
  mkdir "$scratch/context"
  cp "$(package "$packages" troupe)" "$scratch/context/"
  {
    printf 'FROM scratch AS build\nCOPY *.deb /packages/\n'
    sed -n '/^FROM debian:bookworm-slim/,$p' "$source/packaging/Dockerfile"
  } >"$scratch/context/Dockerfile"
  buildah bud --format docker --pull-never --tag troupe "$scratch/context"
else
  buildah bud --format docker --pull-never --tag troupe -f "$source/packaging/Dockerfile" "$source"
fi

config() { buildah inspect --type image --format "{{.Docker.Config.$1}}" troupe; }
[[ $(config User) == 10001:10001 ]] || fail "the image runs as $(config User)"
[[ $(config StopSignal) == SIGTERM ]] || fail "the image stops by $(config StopSignal)"
[[ $(config Healthcheck) == *'troupe health'* ]] || fail "the image checks $(config Healthcheck)"

# From here on, what compose.yaml says, but for the network: a container of buildah has that of this machine.
of_compose() { # SERVICE: its script, as the shell gets it
  python3 -c 'import sys, yaml
text = yaml.safe_load(open(sys.argv[1]))["services"][sys.argv[2]]["command"][0]
print(text.replace("$$", "$"))' "$source/packaging/compose.yaml" "$1"
}
mkdir -p "$scratch"/{authority,coordinator,worker,run-coordinator,run-worker-1,run-worker-2}
printf 'a token of the test\n' >"$scratch/api.token"
chown -R 10001:10001 "$scratch"
chmod 755 "$scratch"

containers=() jobs=()
stop_all() {
  local each
  for each in "${jobs[@]}"; do kill "$each" 2>/dev/null || true; done
  wait || true
  for each in "${containers[@]}"; do buildah rm "$each" >/dev/null || true; done
  rm -rf "$scratch"
}
trap stop_all EXIT
container() { # NAME
  buildah from --pull-never --name "troupe-test-$1-$$" troupe >/dev/null
  containers+=("troupe-test-$1-$$")
}
arguments=()
prepare() { # NAME, options of `buildah run`, --, command
  local name=troupe-test-$1-$$
  shift
  arguments=()
  while [[ $1 != -- ]]; do
    arguments+=("$1")
    shift
  done
  shift
  arguments+=("$name" -- "$@")
}
inside() {
  prepare "$@"
  buildah run "${arguments[@]}"
}
# For jobs: a signal for the job is one for the container.
become() {
  prepare "$@"
  exec buildah run "${arguments[@]}"
}
wait_for() { # FILE
  local _
  for _ in {1..150}; do
    if [[ -s $1 ]]; then return 0; fi
    sleep 0.2
  done
  fail "$1 does not appear"
}
field() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"; }

container once
[[ $(inside once -- troupe --version) == troupe\ * ]] || fail 'troupe does not run in the image'
[[ $(inside once -- id -u) == 10001 ]] || fail 'the image runs as somebody else'
certificates=(-v "$scratch/authority:/authority" -v "$scratch/coordinator:/certificates/coordinator"
  -v "$scratch/worker:/certificates/worker" -e WORKERS=2)
for _ in once twice; do inside once "${certificates[@]}" -- /bin/sh -euc "$(of_compose certificates)"; done
[[ ! -e $scratch/worker/ca-key.pem && ! -e $scratch/coordinator/ca-key.pem ]] || fail 'a node has the key of the authority'

container coordinator
become coordinator -v "$scratch/coordinator:/certificates:ro" -v "$scratch/run-coordinator:/run/troupe" \
  -v "$scratch/api.token:/run/secrets/api_token:ro" -e TROUPE_NAME=coordinator -e TROUPE_LISTEN=127.0.0.1:0 \
  -e TROUPE_HTTP=127.0.0.1:0 -e TROUPE_API_TOKEN_FILE=/run/secrets/api_token -e TROUPE_TLS_CA=/certificates/ca.pem \
  -e TROUPE_TLS_CERTIFICATE=/certificates/coordinator.pem -e TROUPE_TLS_KEY=/certificates/coordinator-key.pem \
  -- troupe node --role coordinator &
jobs+=($!)
ready=$scratch/run-coordinator/ready.json
wait_for "$ready"
inside coordinator -v "$scratch/coordinator:/certificates:ro" -v "$scratch/run-coordinator:/run/troupe" -- troupe health

for number in 1 2; do
  container "worker-$number"
  become "worker-$number" -v "$scratch/worker:/certificates:ro" -v "$scratch/run-worker-$number:/run/troupe" \
    -e "TROUPE_COORDINATORS=$(field "$ready" listen)" -e TROUPE_TLS_CA=/certificates/ca.pem \
    -- /bin/sh -euc "$(of_compose worker)" &
  jobs+=($!)
done
names=()
for number in 1 2; do
  wait_for "$scratch/run-worker-$number/ready.json"
  names+=("$(field "$scratch/run-worker-$number/ready.json" name)")
done
[[ $(printf '%s\n' "${names[@]}" | sort | xargs) == 'worker-1 worker-2' ]] || fail "the workers are called ${names[*]}"
nodes=$(inside once -v "$scratch/authority:/authority" -v "$scratch/api.token:/token:ro" -- \
  troupe nodes --cluster "$(field "$ready" url)" --ca /authority/ca.pem --token-file /token)
grep -q '^worker-2 .* alive' <<<"$nodes" || fail "the coordinator knows: $nodes"
echo "$nodes"

# The nodes themselves: buildah would kill them.
for ready in "$scratch"/run-*/ready.json; do
  process=$(field "$ready" pid)
  [[ $(tr '\0' ' ' <"/proc/$process/cmdline") == *'troupe node'* ]] || fail "process $process is no node"
  kill "$process"
done
for each in "${jobs[@]}"; do
  wait "$each" || fail 'a node does not end well when it is stopped'
done
jobs=()

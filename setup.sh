#!/usr/bin/env bash
# Builds, runs and tests troupe on Debian 12. Everything comes from apt; everything made lies under build/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
exec </dev/null

run_packages=(
  build-essential ca-certificates cmake libboost-dev libcaf-dev libcli11-dev libcpp-httplib-dev libcurl4-openssl-dev
  libhiredis-dev libmimalloc-dev libmsgpack-cxx-dev libre2-dev libspdlog-dev libssl-dev libyaml-cpp-dev ninja-build
  nlohmann-json3-dev pkg-config tzdata
)
deb_packages=(dpkg-dev file)
test_packages=(
  bash-completion ccache clang-14 clang-format-14 clang-tidy-14 fish git graphviz libbenchmark-dev
  iproute2 libclang-rt-14-dev libgmock-dev libgtest-dev librapidcheck-dev lintian man-db mold openssl perl-base procps
  python3-yaml redis-server shellcheck systemd tmux yamllint zsh
)
source_folders=(protocol expressions policies actors runtime workflows service nodes command examples tests benchmarks)

usage() {
  cat <<'TEXT'
Usage: ./setup.sh COMMAND

  run          install what is needed, build, and run the main workflow
  test         install what is needed, build and run every check and every test
  build        build the command and the server of the main workflow; installs nothing
  deb          install what is needed, and make Debian packages in build/deb/packages
  deps [test|deb]
               install the packages that `run` (or `test`, or `deb`) needs
  tidy         run clang-tidy on the changed files, after `test`
  bench        install what is needed, build, and print what the core costs beside its targets

Packages are installed by apt, through sudo when not root, and only if one is missing.
TEXT
}

heading() { printf '\n== %s\n' "$*"; }
say() { printf '%s\n' "$*" >&2; }

missing_packages() {
  local package
  for package in "$@"; do
    dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
      printf '%s\n' "$package"
  done
}

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    say "Not root, and sudo is missing. As root, run: $*"
    return 1
  fi
}

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@"; }

install_packages() {
  local missing
  heading 'Packages'
  if ! command -v dpkg-query >/dev/null; then
    say "This is not a Debian system. Install these by hand: $*"
    return 1
  fi
  mapfile -t missing < <(missing_packages "$@")
  if ((${#missing[@]} == 0)); then
    echo 'All there.'
    return
  fi
  echo "Installing: ${missing[*]}"
  apt_get -qq update
  apt_get -qq install -y --no-install-recommends "${missing[@]}"
}

# ccache fails every compilation when it cannot write.
prepare_compiler_cache() {
  # Another clone of the same sources finds what this one has compiled.
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
  if [[ -z ${CCACHE_DIR:-} && ! -w ${HOME:-/nonexistent} ]]; then
    export CCACHE_DIR=$PWD/build/.ccache
  fi
}

build_program() {
  heading 'Build'
  cmake --preset release
  cmake --build --preset release --target troupe_program chat_server
}

server_pid=''
stop_server() {
  if [[ -n $server_pid ]]; then
    kill "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
    server_pid=''
  fi
}

# A chat server on a free port of loopback that is as unreliable as a real one.
start_server() {
  local log=build/chat_server.log line=''
  : >"$log"
  build/release/examples/chat_server --outage-begins 30 --outage-time 1500 --latency-scale 4 >"$log" 2>&1 &
  server_pid=$!
  trap stop_server EXIT
  for _ in {1..100}; do
    line=$(head -n 1 "$log")
    if [[ $line == 'listening on '* ]]; then break; fi
    if ! kill -0 "$server_pid" 2>/dev/null; then break; fi
    sleep 0.1
  done
  if [[ $line != 'listening on '* ]]; then
    say "The chat server did not start: $(cat "$log")"
    return 1
  fi
  export OPENAI_BASE_URL=${line#listening on }
}

run() {
  install_packages "${run_packages[@]}"
  build_program
  if [[ -z ${OPENAI_BASE_URL:-} ]]; then start_server; fi
  heading 'Run examples/workflows/reliability_stack.yaml'
  echo "400 queries of a help desk, 4 at a time, to the chat models at $OPENAI_BASE_URL"
  build/release/command/troupe run examples/workflows/reliability_stack.yaml \
    --inputs examples/data/queries.jsonl --concurrency 4 >build/answers.jsonl
  stop_server
  echo
  echo 'The first answers, of 400 in build/answers.jsonl:'
  head -n 3 build/answers.jsonl
  echo
  echo 'Done. Next: build/release/command/troupe run examples/workflows/hello.yaml; ./setup.sh test runs every check.'
}

sources() {
  local folder
  for folder in "${source_folders[@]}"; do
    if [[ -d $folder ]]; then find "$folder" -type f \( -name '*.cpp' -o -name '*.hpp' \); fi
  done | LC_ALL=C sort
}

check_format() {
  mapfile -t files < <(sources)
  clang-format-14 --dry-run -Werror "${files[@]}"
}

check_scripts() {
  shellcheck -x -P SCRIPTDIR setup.sh .ci/run tests/packaging/*.sh packaging/debian/node/p*
}

make_packages() {
  install_packages "${run_packages[@]}" "${deb_packages[@]}"
  heading 'Debian packages'
  cmake --workflow --preset deb
}

configure_and_build() { cmake --preset "$1" && cmake --build --preset "$1"; }

# ThreadSanitizer of g++ 12 cannot place its shadow memory under strong address randomization.
with_room_for() {
  local preset=$1
  shift
  if [[ $preset == tsan ]] && setarch "$(uname -m)" -R true 2>/dev/null; then
    setarch "$(uname -m)" -R "$@"
  else
    "$@"
  fi
}

passed=0 failed=0 skipped=0
stages=() broken=()

# Adds up what CTest wrote about one run.
count_tests() {
  local report=$1 key tests=0 failures=0 not_run=0
  if [[ ! -f $report ]]; then return 1; fi
  while read -r key; do
    case $key in
      tests=*) tests=${key#*=} ;;
      failures=*) failures=${key#*=} ;;
      skipped=*) not_run=$((not_run + ${key#*=})) ;;
      disabled=*) not_run=$((not_run + ${key#*=})) ;;
    esac
  done < <(sed '/<testcase/,$d' "$report" | grep -oE '\b(tests|failures|skipped|disabled)="[0-9]+"' |
    tr -d '"')
  passed=$((passed + tests - failures - not_run))
  failed=$((failed + failures))
  skipped=$((skipped + not_run))
  ((tests > 0))
}

run_tests() {
  local preset=$1 report=$PWD/build/$1/ctest.xml
  rm -f "$report"
  local status=0
  with_room_for "$preset" ctest --preset "$preset" -j "$(nproc)" --output-junit "$report" || status=$?
  count_tests "$report" || status=1
  return "$status"
}

# stage NAME COMMAND... goes on after a failure, so that one run shows all of them.
stage() {
  local name=$1 failed_before=$failed
  shift
  heading "$name"
  stages+=("$name")
  if "$@"; then return 0; fi
  broken+=("$name")
  if ((failed == failed_before)); then failed=$((failed + 1)); fi
  say "FAILED: $name. To see it again: $(reproduce "$@")"
  return 1
}

reproduce() {
  case $1 in
    check_format) echo 'clang-format-14 -i on the files above' ;;
    check_scripts) echo 'the scripts that check_scripts names, with shellcheck' ;;
    configure_and_build) echo "cmake --preset $2 && cmake --build --preset $2" ;;
    run_tests) echo "ctest --preset $2 --rerun-failed" ;;
    *) echo "$*" ;;
  esac
}

test_preset() {
  local preset=$1
  if stage "Build: $preset" configure_and_build "$preset"; then
    if [[ $preset == test ]]; then
      stage 'Every public header compiles alone' \
        cmake --build --preset test --target all_verify_interface_header_sets || true
    fi
    stage "Tests: $preset" run_tests "$preset" || true
  fi
}

run_every_test() {
  # Node.js may come from elsewhere, in one package with npm.
  if ! command -v npm >/dev/null; then test_packages+=(nodejs npm); fi
  install_packages "${run_packages[@]}" "${deb_packages[@]}" "${test_packages[@]}"
  stage 'Format' check_format || true
  stage 'Shell scripts' check_scripts || true
  test_preset test
  test_preset asan
  if [[ $(uname -m) == x86_64 ]]; then
    test_preset tsan
  else
    heading 'ThreadSanitizer is left out: the shim for CAF knows amd64 only'
  fi
  test_preset fuzz

  local list
  heading 'Summary'
  printf -v list '%s, ' "${stages[@]}"
  if ((${#broken[@]} == 0)); then
    echo "All tests passed: ${list%, }."
  else
    printf -v list '%s, ' "${broken[@]}"
    echo "Not everything passed: ${list%, }."
  fi
  if ((skipped > 0)); then echo "$skipped skipped (see above)"; fi
  echo "$passed passed, $failed failed"
  ((${#broken[@]} == 0))
}

run_tidy() {
  local base
  base=$(git merge-base HEAD origin/HEAD 2>/dev/null || git rev-parse HEAD~1)
  mapfile -t files < <(git diff --name-only --diff-filter=d "$base" -- "${source_folders[@]/%//*.cpp}" |
    grep -v '^tests/\(compile_fail\|fuzz\|package\)/')
  if ((${#files[@]} == 0)); then
    echo 'No source has changed.'
    return
  fi
  if [[ ! -f build/test/compile_commands.json ]]; then cmake --preset test; fi
  printf '%s\0' "${files[@]}" | xargs -0 -P "$(nproc)" -n 1 clang-tidy-14 -p build/test --quiet
}

run_benchmarks() {
  install_packages "${run_packages[@]}" libbenchmark-dev
  heading 'Build'
  cmake --preset release -B build/bench -D TROUPE_BUILD_BENCHMARKS=ON
  cmake --build build/bench --target core_bench
  heading 'One process: a hop is a request and its answer between two bare actors'
  build/bench/benchmarks/core_bench "$@"
}

prepare_compiler_cache
case ${1:-} in
  deps)
    if [[ ${2:-run} == test ]]; then
      if ! command -v npm >/dev/null; then test_packages+=(nodejs npm); fi
      run_packages+=("${deb_packages[@]}" "${test_packages[@]}")
    elif [[ ${2:-run} == deb ]]; then
      run_packages+=("${deb_packages[@]}")
    fi
    install_packages "${run_packages[@]}"
    ;;
  build) build_program ;;
  deb) make_packages ;;
  run) run ;;
  test) run_every_test ;;
  tidy) run_tidy ;;
  bench) run_benchmarks "${@:2}" ;;
  -h | --help | help) usage ;;
  *)
    usage >&2
    exit 2
    ;;
esac

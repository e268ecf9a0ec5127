#!/usr/bin/env python3
"""check_dockerfile.py SOURCE PROGRAM: rules for the image that need no engine."""

import pathlib
import re
import sys

source = pathlib.Path(sys.argv[1])
complaints = []


def expect(fine, message):
    if not fine:
        complaints.append(message)


text = (source / "packaging/Dockerfile").read_text()
lines = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", text)).splitlines()
steps = [line.split(None, 1) for line in lines if line.strip()]
bases = [rest for word, rest in steps if word == "FROM"]
expect(bases == ["debian:bookworm AS build", "debian:bookworm-slim"], f"bases: {bases}")
last = steps[max(at for at, step in enumerate(steps) if step[0] == "FROM"):]


def of(word):
    return [rest for each, rest in last if each == word]


expect(of("USER") and re.fullmatch(r"[1-9]\d*:[1-9]\d*", of("USER")[-1]), "USER must be numbers, and not root")
expect(of("STOPSIGNAL") == ["SIGTERM"], "STOPSIGNAL must be SIGTERM, which drains")
expect(of("HEALTHCHECK") and of("HEALTHCHECK")[0].endswith('CMD ["troupe", "health"]'), "HEALTHCHECK: troupe health")
expect(of("ENTRYPOINT") and of("ENTRYPOINT")[0].startswith("["), "ENTRYPOINT must be a list: a shell passes no signals on")
expect(of("EXPOSE") == ["7800 7801"], "EXPOSE must name the API and the links")
expect(not re.search(r"(?i)(token|password|secret|key)\s*=", text), "no secrets in an image")
expect("ADD" not in [word for word, _ in steps], "COPY instead of ADD")
for word, rest in last:
    if "apt-get install" in rest:
        expect("--no-install-recommends" in rest, "apt-get without --no-install-recommends")
        expect("rm -rf /var/lib/apt/lists" in rest, "the lists of apt stay in a layer")

# Everything is left out but what is named, and what is named is what CMake needs.
ignored = (source / ".dockerignore").read_text().splitlines()
rules = [rule for rule in ignored if rule and not rule.startswith("#")]
expect(rules[0] == "*", ".dockerignore must leave out everything first")
taken = {rule[1:] for rule in rules if rule.startswith("!")}
for name in taken:
    expect((source / name).exists(), f".dockerignore takes {name}, which does not exist")
top = (source / "CMakeLists.txt").read_text()
used = set(re.findall(r"(?m)^\s*add_subdirectory\((\w+)\)", top)) - {"tests", "examples", "benchmarks"}
expect(used <= taken, f".dockerignore leaves out {sorted(used - taken)}")
for secret in ("*.key", "*.pem", "*.token"):
    expect(f"**/{secret}" in rules, f".dockerignore must leave out {secret}")

print("\n".join(complaints) or "fine")
sys.exit(1 if complaints else 0)

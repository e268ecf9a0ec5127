"""What `troupe` itself says about settings that a deployment gives to a node."""

import json
import os
import subprocess


def settings(program, file="/dev/null", variables=None, words=()):
    """The settings that a node would have, by path; raises ValueError with what is wrong."""
    clean = {name: content for name, content in os.environ.items() if not name.startswith("TROUPE_")}
    done = subprocess.run(
        [program, "config", "show", "--json", "--origin", "--config", str(file), *words],
        env=clean | (variables or {}), capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0 or "warning" in done.stderr:
        raise ValueError(done.stderr.strip())
    found = {}
    for name, content in json.loads(done.stdout).items():
        members = {name: content} if "origin" in content else {f"{name}.{k}": v for k, v in content.items()}
        found |= members
    return found


def variables_of(found):
    """The names of all variables that are settings."""
    names = {"TROUPE_" + path.upper().replace(".", "_") for path in found}
    return names | {"TROUPE_CONFIG", "TROUPE_TOKEN", "TROUPE_READY_FILE", "TROUPE_API_TOKEN_FILE"}


def seconds(text):
    """`1m30s` as a number."""
    units = {"h": 3600, "m": 60, "s": 1}
    total, number = 0, ""
    for letter in str(text):
        if letter in units:
            total += int(number) * units[letter]
            number = ""
        else:
            number += letter
    return total

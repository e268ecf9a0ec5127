#!/usr/bin/env python3
"""check_compose.py SOURCE PROGRAM: the compose file agrees with itself, and with what nodes take."""

import pathlib
import sys

try:
    import yaml
except ImportError:
    print("SKIPPED: the Python module yaml is missing (python3-yaml)")
    sys.exit(77)

import node_settings

source, program = pathlib.Path(sys.argv[1]), sys.argv[2]
file = source / "packaging/compose.yaml"
compose = yaml.safe_load(file.read_text())
complaints = []


def expect(fine, message):
    if not fine:
        complaints.append(message)


known = node_settings.variables_of(node_settings.settings(program))
services = compose["services"]
expect(set(services) == {"certificates", "coordinator", "worker"}, f"services: {list(services)}")

for name, service in services.items():
    for volume in service.get("volumes", []):
        expect(volume.split(":")[0] in compose["volumes"], f"{name}: there is no volume {volume}")
    for secret in service.get("secrets", []):
        expect(secret in compose["secrets"], f"{name}: there is no secret {secret}")
    for network in service.get("networks", []):
        expect(network in compose["networks"], f"{name}: there is no network {network}")
    for other in service.get("depends_on", {}):
        expect(other in services, f"{name}: depends on {other}, which does not exist")
    expect(service["cap_drop"] == ["ALL"] and service["read_only"], f"{name}: may do more than it needs")
    expect("privileged" not in service and "user" not in service, f"{name}: must run as the user of the image")
    variables = {key: text for key, text in service.get("environment", {}).items() if key.startswith("TROUPE_")}
    expect(set(variables) <= known, f"{name}: no settings: {sorted(set(variables) - known)}")
    expect("TROUPE_TOKEN" not in variables, f"{name}: the token belongs into a secret file")
    expect("TROUPE_INSECURE" not in variables, f"{name}: nodes need certificates")
    if name == "certificates":
        continue
    role = "coordinator" if name == "coordinator" else "worker"
    expect(f"--role {role}" in " ".join(service["command"]).replace("\n", " "), f"{name}: is no {role}")
    limit = node_settings.settings(program, variables=variables)["drain_limit"]["value"]
    grace = node_settings.seconds(service["stop_grace_period"])
    expect(grace > node_settings.seconds(limit), f"{name}: stop_grace_period is not longer than drain_limit, {limit}")

coordinator, worker = services["coordinator"], services["worker"]
links = coordinator["environment"]["TROUPE_LISTEN"].rsplit(":", 1)[1]
api = coordinator["environment"]["TROUPE_HTTP"].rsplit(":", 1)[1]
expect(worker["environment"]["TROUPE_COORDINATORS"] == f"coordinator:{links}", "workers look elsewhere")
expect([p.rsplit(":", 1)[1] for p in coordinator["ports"]] == [api], "the published port is not that of the API")
expect(all(p.startswith("127.0.0.1:") for p in coordinator["ports"]), "ports are published beyond this machine")
expect("ports" not in worker and "container_name" not in worker, "workers could not be scaled")
expect(not any("authority" in v for s in (coordinator, worker) for v in s["volumes"]), "a node has the authority's key")
expect(all(v.endswith(":ro") for s in (coordinator, worker) for v in s["volumes"]), "nodes may write certificates")
expect(coordinator["environment"]["TROUPE_API_TOKEN_FILE"] == "/run/secrets/" + coordinator["secrets"][0], "the token's file")

token = compose["secrets"]["api_token"]["file"]
expect(f"/packaging/{token}" in (source / ".gitignore").read_text().split(), f"{token} is not ignored by git")

print("\n".join(complaints) or "fine")
sys.exit(1 if complaints else 0)

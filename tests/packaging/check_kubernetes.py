#!/usr/bin/env python3
"""check_kubernetes.py SOURCE PROGRAM: the Kustomize base agrees with itself, and with what nodes take."""

import pathlib
import re
import shutil
import subprocess
import sys

try:
    import yaml
except ImportError:
    print("SKIPPED: the Python module yaml is missing (python3-yaml)")
    sys.exit(77)

import node_settings

source, program = pathlib.Path(sys.argv[1]), sys.argv[2]
base = source / "packaging/kubernetes"
complaints = []


def expect(fine, message):
    if not fine:
        complaints.append(message)


def documents(text):
    return [each for each in yaml.safe_load_all(text) if each]


def rendered():
    """What kubectl makes of the base, if it is new enough; else the files as they are."""
    if shutil.which("kubectl"):
        done = subprocess.run(["kubectl", "kustomize", str(base)], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode == 0:
            print("rendered by kubectl kustomize")
            return documents(done.stdout)
        if "unknown field" not in done.stderr:
            complaints.append(done.stderr)
    print("read file by file: there is no kubectl, or an old one")
    kustomization = yaml.safe_load((base / "kustomization.yaml").read_text())
    found = []
    for name in kustomization["resources"]:
        found += documents((base / name).read_text())
    for made in kustomization["configMapGenerator"]:
        data = dict(each.split("=", 1) for each in made["files"])
        found.append({"kind": "ConfigMap", "metadata": {"name": made["name"]},
                      "data": {key: (base / path).read_text() for key, path in data.items()}})
    return found


def named(kind):
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def selects(selector, labels):
    return bool(selector) and all(labels.get(key) == content for key, content in selector.items())


listed = yaml.safe_load((base / "kustomization.yaml").read_text())
used = set(listed["resources"]) | {f.split("=")[1] for m in listed["configMapGenerator"] for f in m["files"]}
here = {path.name for path in base.iterdir()} - {"kustomization.yaml"}
expect(used == here, f"files that are not listed, or not there: {sorted(used ^ here)}")

objects = rendered()
expect(len({(o["kind"], o["metadata"]["name"]) for o in objects}) == len(objects), "two objects of one name")
workloads = named("Deployment") | named("StatefulSet")
expect(set(workloads) == {"troupe-coordinator", "troupe-worker"}, f"workloads: {list(workloads)}")
pods = {name: each["spec"]["template"]["metadata"]["labels"] for name, each in workloads.items()}

for name, each in workloads.items():
    expect(selects(each["spec"]["selector"]["matchLabels"], pods[name]), f"{name}: selects other pods than its own")
for other, labels in pods.items():
    for name, each in workloads.items():
        expect((name == other) == selects(each["spec"]["selector"]["matchLabels"], labels), f"{name} selects {other}")
for kind, place in (("Service", ["selector"]), ("PodDisruptionBudget", ["selector", "matchLabels"]),
                    ("NetworkPolicy", ["podSelector", "matchLabels"])):
    expect(set(named(kind)) == set(workloads), f"{kind}: one for each workload")
    for name, each in named(kind).items():
        selector = each["spec"]
        for step in place:
            selector = selector[step]
        expect([w for w in pods if selects(selector, pods[w])] == [name], f"{kind} {name} selects other pods")


def check_pod(name, spec):
    """One container that may do little, whose ports, mounts and settings exist."""
    container, = spec["containers"]
    security = spec["securityContext"]
    expect(security["runAsNonRoot"] and security["runAsUser"] == 10001, f"{name}: not the user of the image")
    expect(security["seccompProfile"] == {"type": "RuntimeDefault"}, f"{name}: no seccomp profile")
    locked = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    expect(container["securityContext"] == locked, f"{name}: may do more than it needs")
    expect(spec["automountServiceAccountToken"] is False, f"{name}: has a token of the cluster")
    expect(spec["enableServiceLinks"] is False, f"{name}: Kubernetes makes variables TROUPE_… for it")
    expect("limits" in container["resources"], f"{name}: no limits")

    ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container[probe].get("httpGet")
        if asked:
            wanted = "/readyz" if probe == "readinessProbe" else "/livez"
            expect(asked == {"path": wanted, "port": "api", "scheme": "HTTPS"}, f"{name}: {probe} asks {asked}")
            expect("api" in ports, f"{name}: {probe} asks a port that does not exist")
        else:
            expect(container[probe]["exec"]["command"] == ["troupe", "health"], f"{name}: {probe}")

    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    expect(set(volumes) == set(mounts), f"{name}: volumes and mounts differ: {sorted(set(volumes) ^ set(mounts))}")
    for volume in volumes.values():
        if "secret" in volume:
            expect(volume["secret"]["secretName"] in named("Secret"), f"{name}: no secret {volume['secret']}")
    return container, ports, volumes, mounts


def check_settings(name, spec):
    container, ports, volumes, mounts = check_pod(name, spec)
    content = named("ConfigMap")[volumes["settings"]["configMap"]["name"]]["data"]
    words = container["args"]
    file = words[words.index("--config") + 1]
    expect(words[0] == "node" and file == mounts["settings"] + "/troupe.yaml", f"{name}: reads {file}")
    scratch = pathlib.Path.cwd() / f"{name}.check.yaml"
    scratch.write_text(content["troupe.yaml"])
    try:
        found = node_settings.settings(program, scratch, words=[w for w in words[1:] if w not in ("--config", file)])
    except ValueError as error:
        expect(False, f"{name}: {error}")
        return None
    finally:
        scratch.unlink()
    for key, each in found.items():
        # Every file that a node is told to read has to be in something that is mounted.
        if each["origin"] != "default" and re.match(r"tls\.|api_token_file", key):
            expect(any(each["value"].startswith(m + "/") for m in mounts.values()), f"{name}: {key}: {each['value']}")
    for key in ("tls.ca", "tls.certificate", "tls.key"):
        expect(found[key]["value"], f"{name}: {key} is not set")
    limit = node_settings.seconds(found["drain_limit"]["value"])
    before = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["sleep", "0"])
    grace = spec["terminationGracePeriodSeconds"]
    expect(grace > limit + int(before[1]), f"{name}: {grace} s of grace are not longer than preStop and drain_limit")
    return found, ports


checked = {name: check_settings(name, each["spec"]["template"]["spec"]) for name, each in workloads.items()}
if all(checked.values()):
    (home, ports), (worker, _) = checked["troupe-coordinator"], checked["troupe-worker"]
    expect(home["role"]["value"] == "coordinator" and worker["role"]["value"] == "worker", "the roles")
    expect(home["http"]["value"].endswith(f":{ports['api']}"), "the port of the API is not that of its settings")
    expect(home["listen"]["value"].endswith(f":{ports['links']}"), "the port of links is not that of the settings")
    service = {p["name"]: p["port"] for p in named("Service")["troupe-coordinator"]["spec"]["ports"]}
    targets = {p["targetPort"] for p in named("Service")["troupe-coordinator"]["spec"]["ports"]}
    expect(targets == set(ports), "the Service leads to ports that the coordinator does not have")
    expect(worker["coordinators"]["value"] == [f"troupe-coordinator:{service['links']}"], "workers look elsewhere")
    allowed = named("NetworkPolicy")["troupe-coordinator"]["spec"]["ingress"]
    expect({p["port"] for rule in allowed for p in rule["ports"]} == set(ports), "the policy knows other ports")
    for rule in allowed:
        if {"port": "links"} in rule["ports"]:
            peers = [selects(f["podSelector"]["matchLabels"], pods["troupe-worker"]) for f in rule["from"]]
            expect(peers == [True], "workers may not reach the coordinator")
expect(workloads["troupe-coordinator"]["spec"]["replicas"] == 1, "there is one coordinator")
expect(workloads["troupe-worker"]["spec"]["serviceName"] in named("Service"), "the workers have no Service")
for name, each in named("Secret").items():
    expect(not each.get("data") and not each.get("stringData"), f"{name}: a secret in the repository")

print("\n".join(complaints) or "fine")
sys.exit(1 if complaints else 0)

"""This repository's own gateway for the checks: real engines from the station, tools and faults from simulated hosts."""

import json
import os
import pathlib
import subprocess
import time

import stand

SIMULATE = pathlib.Path(os.environ.get("PHI_SIMULATE", stand.REPO / "target" / "debug" / "phi-simulate"))

# One host for each kind of trouble, so that one that rests after a fault does not disturb another check.
HOSTS = ("tools", "busy", "broken", "silent", "cut", "picky")


def gateway(the: stand.Stand) -> dict[str, str]:
    """Starts all of it. Returns the environment that tells the checks about it."""
    engines = the.station()
    simulated = hosts(the)
    catalogue = {"local.toml": stand.local_catalogue(engines, "CH"), "simulated.toml": written(simulated["hosts"])}
    the.found("CH", catalogue)
    started = the.serve()
    return {
        "CONFORMANCE_BASE_URL": started.base_url,
        "CONFORMANCE_KEY": started.key,
        "CONFORMANCE_CHAT_MODEL": "local/smollm2-135m",
        "CONFORMANCE_SCHEMA_MODEL": "local/smollm2-135m",
        "CONFORMANCE_TOOLS_MODEL": "simulated/tools",
        "CONFORMANCE_EMBEDDINGS_MODEL": "local/multilingual-e5-small",
        "CONFORMANCE_FAULTS": f"http://127.0.0.1:{simulated['control']}",
    }


def hosts(the: stand.Stand) -> dict:
    """Starts the simulated hosts. Returns `{"control": port, "hosts": {name: port}}`."""
    named = [word for name in HOSTS for word in ("--host", f"{name}=0")]
    command = [SIMULATE, *named, "--tool", 'weather={"city":"Bern"}']
    process = the.start("phi-simulate", command, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    if not line:
        raise stand.Failed(f"`{SIMULATE}` did not start: build it with `cargo build -p phi-simulate`")
    return json.loads(line)


def written(ports: dict[str, int]) -> str:
    """The simulated hosts as the provider `simulated`, each with one model of its own name."""
    origin = f'source = "crates/simulate"\ndate = "{time.strftime("%Y-%m-%d", time.gmtime())}"\n'
    text = '[provider.simulated]\ntitle = "Simulated hosts"\n'
    for name, port in ports.items():
        text += f"""
[host.simulated-{name}]
provider = "simulated"
dialect = "openai"
address = "http://127.0.0.1:{port}/v1"
auth = "none"
premises = true
free = true
processes_in = ["CH"]
evidence = "contract"
{origin}
[route.simulated-{name}]
host = "simulated-{name}"
model = "{name}"
own = "{name}"
modality = "chat"
capabilities = ["tools", "json_object", "json_schema"]
status = "live"
context = 8192
{origin}"""
    return text

"""This repository's own gateway for the checks: real engines from the station; tools, thoughts, images and faults from
simulated hosts."""

import json
import os
import pathlib
import subprocess
import time

import stand

SIMULATE = pathlib.Path(os.environ.get("PHI_SIMULATE", stand.REPO / "target" / "debug" / "phi-simulate"))

# One host for each kind of trouble, so that one that rests after a fault does not disturb another check.
HOSTS = ("tools", "busy", "broken", "silent", "cut", "picky")

# One that speaks each dialect: the path of its address, and its own name of a model that thinks.
DIALECTS = {
    "openai": ("/v1", "gpt-5.2"),
    "mistral": ("/v1", "magistral-medium-latest"),
    "anthropic": ("/v1", "claude-sonnet-4-6"),
    "gemini": ("/v1beta", "gemini-3-pro-preview"),
}

# Those that read documents: the dialect, the path of the address, and the host's own name of a model.
READERS = {
    "pages": ("mistral", "/v1", "mistral-ocr-2512"),
    "layout": ("azure-documents", "/documentintelligence", "prebuilt-layout"),
}

# Spoken by a host that no gateway reaches without its own name: the vendor's SDK alone asks it.
ALONE = ("bedrock",)


def gateway(the: stand.Stand) -> dict[str, str]:
    """Starts all of it. Returns the environment that tells the checks about it."""
    engines = the.station()
    simulated = hosts(the)
    ports = simulated["hosts"]
    catalogue = {"local.toml": stand.local_catalogue(engines, "CH"), "simulated.toml": written(ports)}
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
        "CONFORMANCE_DIALECTS": " ".join(f"simulated/{name}" for name in DIALECTS),
        "CONFORMANCE_READERS": " ".join(f"simulated/{name}" for name in READERS),
        "CONFORMANCE_HOSTS": json.dumps({name: ports[name] for name in (*DIALECTS, *ALONE)}),
    }


def hosts(the: stand.Stand) -> dict:
    """Starts the simulated hosts. Returns `{"control": port, "hosts": {name: port}}`."""
    named = [word for name in (*HOSTS, *DIALECTS, *READERS, *ALONE) for word in ("--host", f"{name}=0")]
    command = [SIMULATE, *named, "--tool", 'weather={"city":"Bern"}']
    process = the.start("phi-simulate", command, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    if not line:
        raise stand.Failed(f"`{SIMULATE}` did not start: build it with `cargo build -p phi-simulate`")
    return json.loads(line)


def written(ports: dict[str, int]) -> str:
    """The simulated hosts as the provider `simulated`, each with one model of its own name."""
    text = '[provider.simulated]\ntitle = "Simulated hosts"\n'
    for name in HOSTS:
        can = '["tools", "json_object", "json_schema"]'
        text += host(name, "openai", f"http://127.0.0.1:{ports[name]}/v1", name, '["CH"]', can)
    for name, (path, own) in DIALECTS.items():
        can = '["tools", "json_schema", "vision", "reasoning"]'
        # Anthropic's says that it answers from anywhere.
        text += host(name, name, f"http://127.0.0.1:{ports[name]}{path}", own, '"anywhere"', can)
    for name, (dialect, path, own) in READERS.items():
        text += host(name, dialect, f"http://127.0.0.1:{ports[name]}{path}", own, '["CH"]', "[]", "ocr")
    return text


def host(name: str, dialect: str, address: str, own: str, where: str, can: str, work: str = "chat") -> str:
    origin = f'source = "crates/simulate"\ndate = "{time.strftime("%Y-%m-%d", time.gmtime())}"\n'
    return f"""
[host.simulated-{name}]
provider = "simulated"
dialect = "{dialect}"
address = "{address}"
auth = "none"
premises = true
free = true
processes_in = {where}
evidence = "contract"
{origin}
[route.simulated-{name}]
host = "simulated-{name}"
model = "{name}"
own = "{own}"
modality = "{work}"
capabilities = {can}
status = "live"
context = 8192
max_output = 4096
{origin}"""

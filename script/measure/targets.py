"""What is measured: the host itself, nginx before it, and gateways before it."""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import time

import stand

from . import texts

PROXY_CORE, OTHER_CORE = "0", "1"
BOTH_CORES = "0,1"
KINDS = ("plain", "stream", texts.AT_ANTHROPIC, "paced")
PACE_MS = 50
CHAT = 'modality = "chat"\nmax_output = 4096'
VECTORS = f'modality = "embeddings"\nspace = "vector@{texts.DIMENSION}"\ndimension = {texts.DIMENSION}'

HOST, NGINX, DISK, PROCESS, TWO = "host", "nginx", "phi, disk", "phi, process", "phi, 2 workers"


@dataclasses.dataclass
class Target:
    """addresses: where it answers each kind of request. pids: whose CPU and memory are its own."""

    name: str
    addresses: dict[str, str]
    key: str
    pids: list[int]


def start_host(the: stand.Stand, folder: pathlib.Path) -> Target:
    """The host behind the proxies, on the core that the load has too."""
    whole, events, message = folder / "answer.json", folder / "events.sse", folder / "message.sse"
    whole.write_bytes(texts.whole_answer())
    events.write_bytes(texts.streamed_answer())
    message.write_bytes(texts.streamed_message())
    answers = ["--whole", whole, "--stream", events, "--stream", message, "--paced", events, "--pace-ms", PACE_MS]
    listening, pid = start_answers(the, answers)
    addresses = dict(zip(KINDS, listening))
    return Target(HOST, addresses | {texts.BY_MESSAGES: addresses["stream"]}, "none", [pid])


def start_answers(the: stand.Stand, answers: list) -> tuple[list[str], int]:
    """Starts the bench's own host. Returns an address for each answer, and the pid."""
    command = ["taskset", "-c", OTHER_CORE, program("phi-bench-host"), *answers]
    process = the.start("host", command, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    if not line:
        raise stand.Failed("the host of the bench did not start")
    return json.loads(line), process.pid


def start_nginx(the: stand.Stand, folder: pathlib.Path, host: Target) -> Target:
    """A plain proxy with one worker, which keeps its connections and passes every piece on at once."""
    servers, addresses = "", {}
    for kind, address in host.addresses.items():
        addresses[kind] = f"127.0.0.1:{stand.free_port()}"
        servers += f"""
    upstream {kind} {{ server {address}; keepalive 512; keepalive_requests 1000000; }}
    server {{
        listen {addresses[kind]} backlog=4096;
        location / {{
            proxy_pass http://{kind};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}"""
    config = folder / "nginx.conf"
    config.write_text(f"""
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log crit;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    tcp_nodelay on;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/client-body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {servers}
}}
""")
    command = ["taskset", "-c", PROXY_CORE, program("nginx"), "-c", config, "-p", folder, "-e", folder / "nginx.log"]
    process = the.start("nginx", command)
    until = time.monotonic() + 5
    while not children(process.pid):
        if process.poll() is not None or time.monotonic() > until:
            raise stand.Failed(f"nginx did not start: {(folder / 'nginx.log').read_text()[-500:]}")
        time.sleep(0.05)
    return Target(NGINX, addresses, "none", [process.pid, *children(process.pid)])


def start_phi(the: stand.Stand, name: str, durability: str, host: Target, cores: str) -> Target:
    """A gateway whose only provider is the host. It has as many workers as cores."""
    found_phi(the, durability, host.addresses)
    gateway = the.serve(before=("taskset", "-c", cores))
    return Target(name, dict.fromkeys(host.addresses, gateway.traffic), gateway.key, [the.pid("phi serve")])


def found_phi(the: stand.Stand, durability: str, addresses: dict[str, str]) -> None:
    """The data folder of a gateway with a route for each kind, named as the kind is, and a key for the host."""
    origin = f'source = "this machine"\ndate = "{time.strftime("%Y-%m-%d", time.gmtime())}"\n'
    catalogue = '[provider.bench]\ntitle = "The host of the bench"\n'
    for kind, address in addresses.items():
        dialect = "anthropic" if kind == texts.AT_ANTHROPIC else "openai"
        catalogue += f"""
[host.bench-{kind}]
provider = "bench"
dialect = "{dialect}"
address = "http://{address}/v1"
auth = "bearer"
premises = true
free = true
processes_in = ["CH"]
evidence = "contract"
{origin}
[route.bench-{kind}]
host = "bench-{kind}"
model = "{kind}"
own = "bench"
{VECTORS if kind == 'vector' else CHAT}
status = "live"
{origin}"""
    # One organization asks here, of whom no more than four fifths of all places may wait for one route.
    waiting = "[upstream]\nwaiting = 1024\n"
    the.found("CH", {"bench.toml": catalogue}, settings=f'{waiting}[record]\ndurability = "{durability}"\n')
    the.phi("vault", "put", "bench", given="the-key-that-the-host-of-the-bench-is-shown\n")


def program(name: str) -> str:
    """Ours are built; Debian keeps nginx where only root's PATH looks."""
    path = shutil.which(name, path=f"{stand.REPO / 'target' / 'release'}:{os.environ['PATH']}:/usr/sbin")
    if not path:
        raise stand.Failed(f"`{name}` is missing: run script/setup bench")
    return path


def children(pid: int) -> list[int]:
    try:
        return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []

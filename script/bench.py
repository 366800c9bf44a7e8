"""The comparison: see script/bench, which installs and builds before it runs this."""

import argparse
import dataclasses
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

import stand

CONNECTIONS = (1, 16, 64)
PROXY_CORE, OTHER_CORE = "0", "1"
QUESTION = "What should I ask my doctor about my blood pressure? " * 9
ANSWER = "Ask how high it is, how it was measured, and what would bring it down. " * 14
FRAMES = 52


@dataclasses.dataclass
class Proxy:
    """One proxy under test: where it listens for each kind of answer, and its processes."""

    name: str
    urls: dict[str, str]
    key: str
    pids: list[int]


@dataclasses.dataclass
class Cell:
    """One measurement. Rate in requests a second, waits in milliseconds, CPU of the proxy in microseconds a request."""

    rate: float
    p50: float
    p99: float
    cpu: float
    errors: int


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/bench")
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=2, help="every other one in reversed order; the best counts")
    asked = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        print("bench: needs two cores", file=sys.stderr)
        return 1
    try:
        with stand.Stand("bench-disk") as disk, stand.Stand("bench-process") as process:
            folder = stand.REPO / ".local" / "bench"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            hosts = start_hosts(disk, folder)
            proxies = [
                start_nginx(disk, folder, hosts),
                start_phi(disk, "disk", hosts),
                start_phi(process, "process", hosts),
            ]
            return report(measure(proxies, folder, asked.seconds, asked.rounds))
    except stand.Failed as why:
        print(f"bench: {why}", file=sys.stderr)
        return 1


def start_hosts(the: stand.Stand, folder: pathlib.Path) -> dict[str, str]:
    """The host behind the proxies: a whole answer on one port, a stream on another. Returns their addresses."""
    ports = {"plain": stand.free_port(), "stream": stand.free_port()}
    servers = ""
    for kind, port in ports.items():
        page = folder / kind / "v1" / "chat" / "completions"
        page.parent.mkdir(parents=True)
        page.write_bytes(whole_answer() if kind == "plain" else streamed_answer())
        media = "application/json" if kind == "plain" else "text/event-stream"
        servers += f"""
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        default_type {media};
        root {folder}/{kind};
        error_page 405 =200 $uri;
    }}"""
    start_an_nginx(the, folder, "host", OTHER_CORE, servers)
    return {kind: f"127.0.0.1:{port}" for kind, port in ports.items()}


def start_nginx(the: stand.Stand, folder: pathlib.Path, hosts: dict[str, str]) -> Proxy:
    servers, urls = "", {}
    for kind, host in hosts.items():
        port = stand.free_port()
        urls[kind] = f"http://127.0.0.1:{port}/v1/chat/completions"
        servers += f"""
    upstream {kind} {{ server {host}; keepalive 512; keepalive_requests 1000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://{kind};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}"""
    master = start_an_nginx(the, folder, "proxy", PROXY_CORE, servers)
    return Proxy("nginx", urls, "none", [master, *children(master)])


def start_an_nginx(the: stand.Stand, folder: pathlib.Path, name: str, core: str, servers: str) -> int:
    """An nginx with one worker on one core. Returns the pid of its master."""
    config = folder / f"{name}.conf"
    config.write_text(f"""
daemon off;
worker_processes 1;
pid {folder}/{name}.pid;
error_log {folder}/{name}.log crit;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    tcp_nodelay on;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/{name}-body;
    proxy_temp_path {folder}/{name}-proxy;
    fastcgi_temp_path {folder}/{name}-fastcgi;
    uwsgi_temp_path {folder}/{name}-uwsgi;
    scgi_temp_path {folder}/{name}-scgi;
    {servers}
}}
""")
    process = the.start(f"nginx ({name})", ["taskset", "-c", core, program("nginx"), "-c", config, "-p", folder, "-e", folder / f"{name}.log"])
    until = time.monotonic() + 5
    while not children(process.pid):
        if process.poll() is not None or time.monotonic() > until:
            raise stand.Failed(f"nginx did not start: {(folder / f'{name}.log').read_text()[-500:]}")
        time.sleep(0.05)
    return process.pid


def start_phi(the: stand.Stand, durability: str, hosts: dict[str, str]) -> Proxy:
    """A gateway whose only provider is the host of this bench."""
    origin = f'source = "this machine"\ndate = "{time.strftime("%Y-%m-%d", time.gmtime())}"\n'
    catalogue = '[provider.bench]\ntitle = "The host of the bench"\n'
    for kind, host in hosts.items():
        catalogue += f"""
[host.bench-{kind}]
provider = "bench"
dialect = "openai"
address = "http://{host}/v1"
auth = "none"
premises = true
free = true
processes_in = ["CH"]
evidence = "contract"
{origin}
[route.bench-{kind}]
host = "bench-{kind}"
model = "{kind}"
own = "bench"
modality = "chat"
status = "live"
{origin}"""
    the.found("CH", {"bench.toml": catalogue}, settings=f'[record]\ndurability = "{durability}"\n')
    gateway = the.serve(before=("taskset", "-c", PROXY_CORE))
    url = f"{gateway.base_url}/chat/completions"
    return Proxy(f"phi, {durability}", {"plain": url, "stream": url}, gateway.key, [the.pid("phi serve")])


def measure(proxies: list[Proxy], folder: pathlib.Path, seconds: int, rounds: int) -> dict[tuple, Cell]:
    """Every cell, in reversed order every other round; of each the round with the best rate."""
    cells = [(proxy, kind, connections) for kind in ("plain", "stream") for connections in CONNECTIONS for proxy in proxies]
    best: dict[tuple, Cell] = {}
    for number in range(rounds):
        for proxy, kind, connections in cells if number % 2 == 0 else reversed(cells):
            wrk(proxy, kind, connections, folder, 1)
            cell = wrk(proxy, kind, connections, folder, seconds)
            place = (kind, connections, proxy.name)
            if place not in best or cell.rate > best[place].rate:
                best[place] = cell
            print(f"round {number + 1}: {proxy.name:13} {kind:6} {connections:3} connections  {cell.rate:9.0f}/s", flush=True)
    return best


def wrk(proxy: Proxy, kind: str, connections: int, folder: pathlib.Path, seconds: int) -> Cell:
    script = folder / "ask.lua"
    body = json.dumps({"model": f"bench/{kind}", "stream": kind == "stream", "messages": [{"role": "user", "content": QUESTION}]})
    script.write_text(f"""
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {proxy.key}"
wrk.body = [==[{body}]==]
""")
    script.chmod(0o600)
    command = ["taskset", "-c", OTHER_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script, proxy.urls[kind]]
    before = cpu_seconds(proxy.pids)
    said = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True).stdout
    used = cpu_seconds(proxy.pids) - before
    requests = int(found(r"(\d+) requests in", said))
    failed = sum(int(number) for number in re.findall(r"(?:connect|read|write|timeout) (\d+)", said))
    failed += int(found(r"Non-2xx or 3xx responses: (\d+)", said, "0"))
    return Cell(
        rate=float(found(r"Requests/sec:\s+([\d.]+)", said)),
        p50=milliseconds(found(r"(?m)^ +50% +(\S+)", said)),
        p99=milliseconds(found(r"(?m)^ +99% +(\S+)", said)),
        cpu=used * 1e6 / max(requests, 1),
        errors=failed,
    )


def report(cells: dict[tuple, Cell]) -> int:
    print(f"\n{'':16}{'connections':>12}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'CPU us':>9}{'rate':>8}{'CPU':>8}   (ratios to nginx)")
    for (kind, connections, name), cell in cells.items():
        base = cells[(kind, connections, "nginx")]
        rate, cpu = cell.rate / base.rate, cell.cpu / base.cpu if base.cpu else 0
        print(
            f"{kind:7}{name:13}{connections:8}{cell.rate:12.0f}{cell.p50:9.2f}{cell.p99:9.2f}{cell.cpu:9.1f}{rate:8.2f}{cpu:8.1f}"
            + (f"   {cell.errors} ERRORS" if cell.errors else "")
        )
    for name in dict.fromkeys(name for _, _, name in cells if name != "nginx"):
        ours = [cells[place].rate / cells[(*place[:2], "nginx")].rate for place in cells if place[2] == name]
        print(f"{name}: {statistics.geometric_mean(ours):.2f} of nginx's rate (geometric mean of {len(ours)} cells)")
    errors = sum(cell.errors for cell in cells.values())
    print(f"{errors} errors")
    return 1 if errors else 0


def whole_answer() -> bytes:
    usage = {"prompt_tokens": 140, "completion_tokens": 210, "total_tokens": 350}
    message = {"role": "assistant", "content": ANSWER}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return json.dumps({"id": "a", "object": "chat.completion", "created": 1, "model": "bench", "choices": choices, "usage": usage}).encode()


def streamed_answer() -> bytes:
    def frame(choices: list, **more) -> str:
        chunk = {"id": "a", "object": "chat.completion.chunk", "created": 1, "model": "bench", "system_fingerprint": "fp_0", "choices": choices}
        return f"data: {json.dumps(chunk | more)}\n\n"

    text = [frame([{"index": 0, "delta": {"content": f" word {number}"}, "logprobs": None, "finish_reason": None}]) for number in range(FRAMES)]
    end = frame([{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}])
    usage = frame([], usage={"prompt_tokens": 140, "completion_tokens": FRAMES, "total_tokens": 140 + FRAMES})
    return "".join([*text, end, usage, "data: [DONE]\n\n"]).encode()


def program(name: str) -> str:
    """Debian keeps nginx where only root's PATH looks."""
    path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    if not path:
        raise stand.Failed(f"`{name}` is missing: run script/setup bench")
    return path


def children(pid: int) -> list[int]:
    try:
        return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of some processes so far."""
    ticks = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def found(pattern: str, text: str, otherwise: str | None = None) -> str:
    match = re.search(pattern, text)
    if match is None and otherwise is None:
        raise stand.Failed(f"wrk said something else:\n{text}")
    return match.group(1) if match else otherwise


if __name__ == "__main__":
    raise SystemExit(main())

"""The profile: see script/profile, which installs and builds before it runs this."""

import argparse
import collections
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

import stand
from measure import targets, texts

CALLERS = 16
WARM = 4 * CALLERS

PARTS = [
    ("hashes and keys", r"ring|phi_crypto"),
    ("allocator", r"\bmi_|_mi_|__rust_(alloc|dealloc|realloc)|RawVec|finish_grow|malloc|\bfree\b"),
    ("copies", r"mem(cpy|move|set)"),
    ("JSON and dialects", r"phi_dialect|memchr::|from_utf8|do_count_chars"),
    ("HTTP: hyper and its types", r"hyper|httparse|\bhttp::|\bbytes::|smallvec"),
    ("runtime: tokio", r"tokio|futures_util|mio::|atomic_waker"),
    ("framing, listener, headers", r"phi_gateway"),
    ("record and ledger", r"phi_record|phi_ledger|serde|itoa|jiff|uuid|crc32fast|mpmc"),
    ("upstream: walk and connections", r"phi_upstream"),
    ("identify, police, route", r"phi_(identify|police|route|catalog|words)"),
    ("hash tables", r"core::hash|std::hash|hashbrown|siphash"),
    ("formatting", r"core::fmt|alloc::fmt|std::io::default_write_fmt"),
    ("clocks", r"Timespec|clock_gettime|Instant"),
    ("comparisons and sorting", r"memcmp|slice::sort"),
    ("metrics", r"prometheus"),
]


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/profile")
    parser.add_argument("--kind", choices=("plain", "stream"), default="plain")
    parser.add_argument("--calls", type=int, default=640)
    parser.add_argument("--functions", type=int, default=20, help="how many of the costliest are named")
    asked = parser.parse_args()
    try:
        costs = run(asked.kind, asked.calls - asked.calls % CALLERS)
    except stand.Failed as why:
        print(f"profile: {why}", file=sys.stderr)
        return 1
    report(costs, asked.functions)
    return 0


def run(kind: str, calls: int) -> dict[str, float]:
    """Instructions a call, by function."""
    folder = stand.REPO / ".local" / "profile"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    counted = folder / "counted"
    valgrind = ("valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={counted}")
    with stand.Stand("profile-host") as hosts, stand.Stand("profile-phi") as the:
        host = targets.start_host(hosts, folder)
        targets.found_phi(the, "process", host.addresses)
        gateway = the.serve(before=("taskset", "-c", targets.PROXY_CORE, *valgrind))
        pid = str(the.pid("phi serve"))
        request = texts.write_request(folder / "request.http", gateway.key, texts.chat(kind)).read_bytes()
        ask(gateway.traffic, request, WARM)
        control("-i", "on", pid)
        ask(gateway.traffic, request, calls)
        control("-i", "off", pid)
        control("--dump", pid)
        time.sleep(1)
    dumps = sorted(folder.glob("counted.*"))
    if not dumps:
        raise stand.Failed("callgrind wrote nothing")
    return {name: cost / calls for name, cost in read(dumps[0]).items()}


def control(*words: str) -> None:
    subprocess.run(["callgrind_control", *words], check=True, capture_output=True)


def ask(address: str, request: bytes, calls: int) -> None:
    """So many calls, by callers that each keep a connection."""
    failed: list[str] = []

    def caller() -> None:
        host, port = address.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as connection, connection.makefile("rb") as answers:
            for _ in range(calls // CALLERS):
                connection.sendall(request)
                if not take_answer(answers):
                    failed.append("a call was not answered")
                    return

    callers = [threading.Thread(target=caller) for _ in range(CALLERS)]
    for each in callers:
        each.start()
    for each in callers:
        each.join()
    if failed:
        raise stand.Failed(failed[0])


def take_answer(answers) -> bool:
    """Reads one answer to its end. Whether it was a good one."""
    good, length = b" 200 " in answers.readline(), None
    while line := answers.readline().strip().lower():
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    if length is not None:
        answers.read(length)
        return good
    while size := int(answers.readline(), 16):
        answers.read(size + 2)
    answers.readline()
    return good


def read(path: pathlib.Path) -> collections.Counter:
    """The cost of each function by itself, of a file in callgrind's format (Callgrind Format Specification, version 1)."""
    names: dict[str, str] = {}
    costs: collections.Counter = collections.Counter()
    function, is_call = "", False
    for line in path.open():
        if line.startswith("fn="):
            number, _, name = line[3:].strip().partition(" ")
            if name:
                names[number] = re.sub(r"::h[0-9a-f]{16}", "", name)
            function = names[number]
        elif line.startswith("cfn="):
            number, _, name = line[4:].strip().partition(" ")
            if name:
                names[number] = re.sub(r"::h[0-9a-f]{16}", "", name)
        elif line.startswith("calls="):
            is_call = True
        elif line[:1].isdigit() or line[:1] in "+-*":
            words = line.split()
            if len(words) > 1 and not is_call:
                costs[function] += int(words[1])
            is_call = False
    return costs


def part_of(function: str) -> str:
    return next((part for part, pattern in PARTS if re.search(pattern, function)), "other")


def report(costs: dict[str, float], functions: int) -> None:
    total = sum(costs.values())
    parts: collections.Counter = collections.Counter()
    for function, cost in costs.items():
        parts[part_of(function)] += cost
    print(f"{total:,.0f} instructions a call\n\n| part | instructions a call | share |\n|---|---|---|")
    for part, cost in parts.most_common():
        print(f"| {part} | {cost:,.0f} | {cost / total:.1%} |")
    print(f"\n{1 - parts['other'] / total:.1%} of them have a part. The costliest functions:\n")
    for function, cost in sorted(costs.items(), key=lambda item: -item[1])[:functions]:
        print(f"{cost:>10,.0f}  {cost / total:>6.1%}  {function[:110]}")


if __name__ == "__main__":
    raise SystemExit(main())

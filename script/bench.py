"""The comparison: see script/bench, which installs and builds before it runs this."""

import argparse
import contextlib
import os
import pathlib
import shutil
import sys

import stand
from measure import disk, figures, load, memory, process, report, targets, texts
from measure.figures import Cell, Figures
from measure.targets import Target

CONNECTIONS = (1, 16, 64, 256)
WORKERS_AT = 64
"""Connections at which two workers are compared with one."""
PACED_AT = 256
TRANSLATED_AT = (1, 16)
"""Connections at which translated streams are compared with those that are passed on."""


def main() -> int:
    asked = arguments()
    if asked.read:
        print(report.text(figures.load(asked.read), asked.markdown))
        return 0
    if (os.cpu_count() or 1) < 2:
        print("bench: needs two cores", file=sys.stderr)
        return 1
    found = Figures(seconds=asked.seconds, rounds=asked.rounds)
    if found.load_before > 0.5:
        print(f"bench: WARNING: the machine is busy (load average {found.load_before:.2f}): waits and goals are not to be trusted", file=sys.stderr)
    os.sched_setaffinity(0, {int(targets.OTHER_CORE)})  # nothing of ours runs on the proxies' core
    try:
        run(asked, found)
    except stand.Failed as why:
        print(f"bench: {why}", file=sys.stderr)
        return 1
    if asked.json:
        found.save(asked.json)
    print("\n" + report.text(found, asked.markdown))
    errors = sum(cell.errors for cell in found.cells)
    print(f"\n{errors} errors")
    return 1 if errors else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/bench")
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5, help="every other one in reversed order; the median counts")
    parser.add_argument("--connections", type=int, nargs="+", default=CONNECTIONS, help="of plain and streamed answers")
    parser.add_argument("--only", choices=("plain", "stream", "translated", "paced", "memory"), help="measure this part alone")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--markdown", action="store_true", help="print the tables in Markdown")
    parser.add_argument("--read", type=pathlib.Path, metavar="FILE", help="measure nothing: print what an earlier --json wrote")
    return parser.parse_args()


def run(asked: argparse.Namespace, found: Figures) -> None:
    folder = stand.REPO / ".local" / "bench"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    with contextlib.ExitStack() as all_stands:
        stands = {name: all_stands.enter_context(stand.Stand(f"bench-{name}")) for name in ("host", "disk", "process", "two", "memory")}
        host = targets.start_host(stands["host"], folder)
        if asked.only != "memory":
            measure_cells(asked, found, folder, host, stands)
        if asked.only in (None, "memory"):
            found.burst, found.start_ms = memory.measure(stands["memory"], folder, host, max(asked.seconds, 3))


def measure_cells(asked: argparse.Namespace, found: Figures, folder: pathlib.Path, host: Target, stands: dict[str, stand.Stand]) -> None:
    nginx = targets.start_nginx(stands["host"], folder, host)
    on_disk = targets.start_phi(stands["disk"], targets.DISK, "disk", host, targets.PROXY_CORE)
    in_process = targets.start_phi(stands["process"], targets.PROCESS, "process", host, targets.PROXY_CORE)
    two = targets.start_phi(stands["two"], targets.TWO, "process", host, targets.BOTH_CORES)
    one_core = [host, nginx, on_disk, in_process]
    idle = {target.name: process.resident(target.pids) for target in [*one_core, two]}

    cells: list[tuple[str, int, Target]] = []
    for kind in ("plain", "stream"):
        for connections in asked.connections:
            cells += [(kind, connections, target) for target in one_core]
            if kind == "plain" and connections == WORKERS_AT:
                cells.append((kind, connections, two))
    translated = [(kind, connections, in_process) for kind in texts.TRANSLATED for connections in TRANSLATED_AT]
    cells += translated
    cells += [("paced", PACED_AT, target) for target in (host, nginx, two)]
    if asked.only == "translated":  # beside those that are passed on
        cells = [("stream", connections, target) for connections in TRANSLATED_AT for target in (host, in_process)] + translated
    elif asked.only:
        cells = [cell for cell in cells if asked.only == cell[0]]

    synced: list[float] = []
    rounds: dict[tuple[str, int, str], list[Cell]] = {}
    for number in range(asked.rounds):
        for kind, connections, target in cells if number % 2 == 0 else reversed(cells):
            request = texts.write_request(folder / "request.http", target.key, texts.chat(kind), texts.endpoint(kind))
            request.chmod(0o600)
            if target is on_disk:
                synced += disk.fdatasync_seconds(folder)  # right before it, for disks have their moods
            cell = load.measure(target, kind, connections, request, asked.seconds)
            rounds.setdefault((kind, connections, target.name), []).append(cell)
            print(report.line(number + 1, cell), flush=True)
    found.cells = [figures.median(rounds[kind, connections, target.name]) for kind, connections, target in cells]
    if synced:
        found.disk_p50, found.disk_p99 = (disk.quantile(synced, percent) * 1e6 for percent in (50, 99))
    found.memory = [figures.Memory(target.name, idle[target.name], process.most_resident(target.pids)) for target in [*one_core, two]]


if __name__ == "__main__":
    raise SystemExit(main())

"""What the project wants to hold, and whether this run's figures do. Everything is relative to the same run."""

import dataclasses
import statistics
from collections.abc import Iterator

from . import texts
from .figures import Cell, Figures
from .memory import BACK, WAIT_SECONDS
from .targets import DISK, NGINX, PACE_MS, PROCESS, TWO


@dataclasses.dataclass
class Goal:
    goal: str
    measured: str
    held: bool


def judge(found: Figures) -> Iterator[Goal]:
    """Every goal for which this run has the figures."""
    yield from _cpu(found)
    yield from _disk(found)
    yield from _waits(found)
    yield from _translated(found)
    yield from _paced(found)
    yield from _workers(found)
    yield from _memory(found)


def _cpu(found: Figures) -> Iterator[Goal]:
    for kind, name, most in (("plain", PROCESS, 2.2), ("plain", DISK, 2.6), ("stream", PROCESS, 1.2), ("stream", DISK, 1.2)):
        for phi, nginx in _pairs(found, kind, 64, name):
            ratio = phi.cpu / max(nginx.cpu, 1e-9)
            yield Goal(f"CPU a request, {kind}, 64 connections, {name}: at most {most} of nginx's", f"{ratio:.2f} ({phi.cpu:.0f} us / {nginx.cpu:.0f} us)", ratio <= most)
    cell = found.cell("stream", 64, PROCESS)
    if cell:
        frame = cell.cpu / texts.FRAMES
        yield Goal(f"CPU a frame, 64 connections, {PROCESS}: at most 10 us", f"{frame:.1f} us", frame <= 10)


def _disk(found: Figures) -> Iterator[Goal]:
    if found.disk_p50 is None or found.disk_p99 is None:
        return
    cell = found.cell("plain", 64, DISK)
    if cell:
        least = 0.9 * 64 / (2 * found.disk_p50 / 1e6)
        yield Goal(f"requests/s, 64 connections, {DISK}: at least 0.9 * 64 / (2 fdatasync p50) = {least:.0f}", f"{cell.rate:.0f}", cell.rate >= least)
    for phi, nginx in _pairs(found, "plain", 256, DISK):
        most = 2 * nginx.p99 + 2 * found.disk_p99
        yield Goal(f"p99, 256 connections, {DISK}: at most 2 of nginx's and 2 fdatasync p99 = {most / 1000:.1f} ms", f"{phi.p99 / 1000:.1f} ms", phi.p99 <= most)


def _waits(found: Figures) -> Iterator[Goal]:
    for phi, nginx in _pairs(found, "plain", 1, PROCESS):
        for name, ours, theirs, most in (("p50", phi.p50, nginx.p50, 60), ("p99", phi.p99, nginx.p99, 250)):
            yield _added(f"{name}, 1 connection, {PROCESS}", ours, theirs, most)
    for phi, nginx in _pairs(found, "stream", 1, PROCESS):
        yield _added(f"p99 to the first byte of a stream, 1 connection, {PROCESS}", phi.first_p99, nginx.first_p99, 400)


def _added(what: str, ours: float, theirs: float, most: float) -> Goal:
    return Goal(f"{what}: at most nginx's and {most} us", f"{ours - theirs:+.0f} us ({ours:.0f} us, nginx {theirs:.0f} us)", ours <= theirs + most)


def _translated(found: Figures) -> Iterator[Goal]:
    passed = found.cell("stream", 1, PROCESS)
    for kind in texts.TRANSLATED if passed else ():
        cell = found.cell(kind, 1, PROCESS)
        if cell:
            added = cell.first_p99 - passed.first_p99
            measured = f"{added:+.0f} us ({cell.first_p99:.0f} us, passed on {passed.first_p99:.0f} us)"
            yield Goal(f"p99 to the first byte of a translated stream, {kind}, 1 connection, {PROCESS}: at most 1,000 us more than of one that is passed on", measured, added <= 1000)


def _paced(found: Figures) -> Iterator[Goal]:
    cell = found.cell("paced", 256, TWO)
    if cell:
        most = PACE_MS + 20
        yield Goal(f"largest gap, 256 streams of a frame each {PACE_MS} ms, {TWO}: at most {most} ms", f"{cell.gap_max / 1000:.1f} ms", cell.gap_max <= most * 1000)


def _workers(found: Figures) -> Iterator[Goal]:
    one, two = found.cell("plain", 64, PROCESS), found.cell("plain", 64, TWO)
    if one and two:
        ratio = two.cpu / max(one.cpu, 1e-9)
        yield Goal("CPU a request, 64 connections, 2 workers: at most 1.25 of 1 worker's", f"{ratio:.2f} ({two.cpu:.0f} us / {one.cpu:.0f} us)", ratio <= 1.25)


def _memory(found: Figures) -> Iterator[Goal]:
    if found.burst:
        burst = found.burst
        yield Goal("idle memory: at most 25 MiB", f"{burst.idle:.1f} MiB", burst.idle <= 25)
        after = burst.after / burst.idle
        yield Goal(f"memory {WAIT_SECONDS} s after a burst of {texts.BURST_BYTES // 1024} KiB bodies: at most {BACK} of idle", f"{after:.2f} after {burst.seconds:.0f} s ({burst.after:.1f} MiB, at most {burst.peak:.1f} MiB)", after <= BACK)
    if found.start_ms:
        start = statistics.median(found.start_ms)
        yield Goal("start to the first answer: at most 100 ms", f"{start:.0f} ms", start <= 100)


def _pairs(found: Figures, kind: str, connections: int, name: str) -> Iterator[tuple[Cell, Cell]]:
    """A gateway's cell and nginx's, if both were measured."""
    phi, nginx = found.cell(kind, connections, name), found.cell(kind, connections, NGINX)
    if phi and nginx:
        yield phi, nginx

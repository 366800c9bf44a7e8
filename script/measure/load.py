"""The callers: runs the bench's load maker and reads what it measured."""

import contextlib
import json
import pathlib
import subprocess
from collections.abc import Iterator

import stand

from . import process, texts
from .figures import Cell
from .targets import OTHER_CORE, PACE_MS, Target, program

WARM_SECONDS = 0.5


@contextlib.contextmanager
def lines(address: str, asks: list[tuple[int, pathlib.Path]], **flags: float) -> Iterator[Iterator[dict]]:
    """The lines that the load maker prints: the first when it is warm, then one for each window.

    asks: the expected status and the file of each request. flags: those of the program, with `_` for `-`.
    """
    words = [word for status, path in asks for word in ("--ask", f"{status}={path}")]
    words += [word for name, value in flags.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    command = ["taskset", "-c", OTHER_CORE, program("phi-load"), "--address", address, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            yield (json.loads(line) for line in running.stdout)
        finally:
            running.terminate()


def measure(target: Target, kind: str, connections: int, request: pathlib.Path, seconds: float) -> Cell:
    """CPU is counted over the same time as answers are: from when the load is warm to its last line."""
    warm = WARM_SECONDS
    if kind == "paced":  # the callers come over the time of one stream, so that no more frames are due at one time than at another
        warm = texts.FRAMES * PACE_MS / 1000
        seconds = max(seconds, 2 * warm)
    with lines(target.addresses[kind], [(200, request)], connections=connections, seconds=seconds, warm_seconds=warm) as said:
        hear(said)
        before = process.cpu_seconds(target.pids)
        told = hear(said)
        used = process.cpu_seconds(target.pids) - before
    requests = told["requests"]
    if kind != "plain" and told["frames"] < requests * texts.FRAMES:  # a gateway may add one of its own
        raise stand.Failed(f"{target.name} passed on {told['frames']} frames in {requests} streams of {texts.FRAMES}")
    return Cell(
        kind=kind,
        connections=connections,
        target=target.name,
        rate=requests / told["seconds"],
        cpu=used * 1e6 / max(requests, 1),
        p50=told["wait"]["p50"],
        p99=told["wait"]["p99"],
        first_p50=told["first"]["p50"],
        first_p99=told["first"]["p99"],
        gap_p99=told["gap"]["p99"],
        gap_max=told["gap"]["max"],
        errors=sum(told["errors"].values()) + (requests == 0),
    )


def hear(said: Iterator[dict]) -> dict:
    line = next(said, None)
    if line is None:
        raise stand.Failed("the load ended before its time")
    return line

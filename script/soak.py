"""The long run: see script/soak, which installs and builds before it runs this."""

import argparse
import dataclasses
import os
import pathlib
import shutil
import sys

import stand
from measure import load, process, targets, texts
from measure.targets import BOTH_CORES, OTHER_CORE

WINDOW_SECONDS = 10
PAUSE_MS = 50
"""Between an answer and the caller's next request, so that the ledger does not fill the disk."""
ABORT_PERCENT = 10
STREAM_PACE_MS = 2
"""Fast enough to be many, and slow enough to be left midway."""
SETTLE_SECONDS = 5


@dataclasses.dataclass
class Sample:
    """One window. Memory in MiB, the wait for the first byte of an answer in ms."""

    minute: float
    resident: float
    descriptors: int
    threads: int
    requests: int
    aborted: int
    p99: float
    errors: dict[str, int]

    def row(self) -> str:
        errors = "".join(f"  {count} x {what}" for what, count in self.errors.items())
        counts = f"{self.resident:10.1f}{self.descriptors:8}{self.threads:9}{self.requests:10}{self.aborted:9}"
        return f"{self.minute:7.1f}{counts}{self.p99:10.2f}{errors}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/soak")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--connections", type=int, default=64)
    asked = parser.parse_args()
    if asked.minutes < 1:
        parser.error("it takes a minute to see whether anything grows")
    os.sched_setaffinity(0, {int(OTHER_CORE)})
    folder = stand.REPO / ".local" / "soak"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    try:
        with stand.Stand("soak-host") as hosts, stand.Stand("soak-phi") as the:
            samples = run(hosts, the, folder, asked.minutes, asked.connections)
    except stand.Failed as why:
        print(f"soak: {why}", file=sys.stderr)
        return 1
    verdicts = judge(samples)
    print()
    for what, held in verdicts:
        print(f"{'flat ' if held else 'GROWS'}  {what}")
    failed = sum(sum(sample.errors.values()) for sample in samples)
    print(f"{sum(sample.requests for sample in samples)} calls, {failed} errors")
    if failed or not all(held for _, held in verdicts):
        print(f"soak: the ledger and the log are left in {the.data}", file=sys.stderr)
        return 1
    shutil.rmtree(the.data)
    return 0


def run(hosts: stand.Stand, the: stand.Stand, folder: pathlib.Path, minutes: float, connections: int) -> list[Sample]:
    """Starts everything and samples each window, printing it."""
    answers = {"plain": texts.whole_answer(), "vector": texts.vector_answer(), "stream": texts.streamed_answer()}
    for kind, answer in answers.items():
        (folder / kind).write_bytes(answer)
    said_by_host = ["--whole", folder / "plain", "--whole", folder / "vector", "--paced", folder / "stream", "--pace-ms", STREAM_PACE_MS]
    addresses, _ = targets.start_answers(hosts, said_by_host)
    targets.found_phi(the, "process", dict(zip(answers, addresses)))
    gateway = the.serve(before=("taskset", "-c", BOTH_CORES))
    pid = the.pid("phi serve")
    samples = []
    print(f"{'minute':>7}{'RSS MiB':>10}{'files':>8}{'threads':>9}{'calls':>10}{'left':>9}{'p99 ms':>10}", flush=True)
    span = {"seconds": minutes * 60, "window_seconds": WINDOW_SECONDS, "warm_seconds": SETTLE_SECONDS}
    manners = {"connections": connections, "pause_ms": PAUSE_MS, "abort_percent": ABORT_PERCENT}
    with load.lines(gateway.traffic, requests(folder, gateway.key), **span, **manners) as said:
        load.hear(said)
        for number, told in enumerate(said, start=1):
            counts = process.resident([pid]), process.descriptors(pid), process.threads(pid)
            samples.append(Sample(number * WINDOW_SECONDS / 60, *counts, told["requests"], told["aborted"], told["first"]["p99"] / 1000, told["errors"]))
            print(samples[-1].row(), flush=True)
    return samples


def requests(folder: pathlib.Path, key: str) -> list[tuple[int, pathlib.Path]]:
    """What is asked in turns, and the status of the answer."""
    plain, stream = texts.chat("plain"), texts.chat("stream")
    vector = {"model": "bench/vector", "input": texts.QUESTION}
    asks = [
        (200, "plain", key, plain, "chat/completions", {}),
        (200, "stream", key, stream, "chat/completions", {}),
        (200, "vector", key, vector, "embeddings", {}),
        (200, "plain-again", key, plain, "chat/completions", {}),
        (200, "stream-again", key, stream, "chat/completions", {}),
        (404, "nobody", key, plain | {"model": "bench/nobody"}, "chat/completions", {}),
        (422, "elsewhere", key, plain, "chat/completions", {"X-Region": "US"}),
        (403, "phi", key, plain, "chat/completions", {"X-PHI": "true"}),
    ]
    return [(status, texts.write_request(folder / f"{name}.http", *rest)) for status, name, *rest in asks]


def judge(samples: list[Sample]) -> list[tuple[str, bool]]:
    """Of the last two thirds of the time: what each figure grew by, in percent of its mean, by the line that fits it best."""
    kept = samples[len(samples) // 3 :]
    verdicts = []
    for name, most in (("resident", 5), ("descriptors", 5), ("threads", 25), ("p99", 25)):
        values = [float(getattr(sample, name)) for sample in kept]
        growth = slope(values) * (len(values) - 1) / (sum(values) / len(values)) * 100
        verdicts.append((f"{name}: {growth:+.1f} % over {len(values)} windows (at most {most} %)", growth <= most))
    return verdicts


def slope(values: list[float]) -> float:
    """Of the least-squares line, a window."""
    middle, mean = (len(values) - 1) / 2, sum(values) / len(values)
    spread = sum((number - middle) ** 2 for number in range(len(values)))
    return sum((number - middle) * (value - mean) for number, value in enumerate(values)) / spread if spread else 0.0


if __name__ == "__main__":
    raise SystemExit(main())

"""The local station: real engines on loopback, each a process of its own, for the demo and the tests.

    python examples/station/station.py [--chat-port N] [--embeddings-port N] [--transcription-port N] ...
    python examples/station/station.py --check

When every engine answers, one line of JSON on standard output says where they are:

    {"chat": {"address": "http://127.0.0.1:41001", "pid": 7}, "embeddings": {"address": "...", "pid": 8}, ...}

With --check the engines are proved on each other instead (roundtrip.py), and stop.

An engine that ends is not started again: the station says so, and its port refuses from then on, as a host's would.
SIGINT, SIGTERM or the end of standard input (with --until-input-ends) stop all of them.
"""

import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ENGINES = ("chat", "embeddings", "transcription", "speech", "ocr", "image")
READY_SECONDS = 120


def main() -> int:
    asked = arguments()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    if asked.until_input_ends:
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), stop.set()), daemon=True).start()

    began = time.monotonic()
    started = {name: start(name, getattr(asked, f"{name}_port")) for name in ENGINES}
    try:
        addresses = {name: wait_until_ready(name, process, stop) for name, process in started.items()}
        say(f"{len(ENGINES)} engines answer after {time.monotonic() - began:.1f} s")
        if asked.check:
            import roundtrip

            return roundtrip.run(addresses)
        where = {name: {"address": addresses[name], "pid": started[name].pid} for name in ENGINES}
        print(json.dumps(where), flush=True)
        return watch(started, stop)
    except NotReady as why:
        say(str(why))
        return 1
    finally:
        end(started.values())


class NotReady(Exception):
    """An engine did not come up, or the station was told to stop before it did."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="real engines on loopback, for the demo and the tests")
    for name in ENGINES:
        parser.add_argument(f"--{name}-port", type=int, default=0, help="0 (the default) lets the system choose")
    parser.add_argument("--until-input-ends", action="store_true", help="stop when standard input closes")
    parser.add_argument("--check", action="store_true", help="prove the engines on each other, then stop")
    return parser.parse_args()


def start(name: str, port: int) -> subprocess.Popen:
    """One engine. Its standard input is a pipe that we hold: it closes when we end, even by `kill -9`."""
    command = [sys.executable, str(HERE / f"{name}.py"), "--port", str(port)]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        start_new_session=True,  # Ctrl-C is ours to hear: we stop them in order
    )


def wait_until_ready(name: str, process: subprocess.Popen, stop: threading.Event) -> str:
    """The address that the engine said, once its health page answers."""
    line = process.stdout.readline().decode().strip()
    if not line:
        raise NotReady(f"the {name} engine did not start (exit code {process.wait()})")
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and not stop.is_set() and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{line}/health", timeout=2) as reply:
                if reply.status == 200:
                    return line
        except OSError:
            stop.wait(0.1)
    raise NotReady(f"the {name} engine at {line} does not answer")


def watch(started: dict[str, subprocess.Popen], stop: threading.Event) -> int:
    """Waits for the word to stop; says it when an engine ends. Returns 1 when none is left."""
    alive = dict(started)
    while alive and not stop.wait(0.2):
        for name, process in list(alive.items()):
            code = process.poll()
            if code is not None:
                say(f"the {name} engine ended (exit code {code}); its port refuses from now on")
                del alive[name]
    return 0 if stop.is_set() else 1


def end(processes) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def say(what: str) -> None:
    print(f"station: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())

"""What every engine of the station does alike: it takes a port, says when it is ready, and ends with its station."""

import argparse
import logging
import os
import resource
import sys
import warnings

# Before any library is loaded: none looks for files or news elsewhere, none tells anybody that it runs, and none starts
# threads that wait for each other in a busy loop.
SETTINGS = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "OMP_NUM_THREADS": "1",
    "OMP_THREAD_LIMIT": "1",
}


def begin(name: str) -> int:
    """Reads the command line. Returns the port to listen on; 0 lets the system choose."""
    parser = argparse.ArgumentParser(prog=name, description=f"the station's {name} engine, on loopback")
    parser.add_argument("--port", type=int, default=0)
    os.environ.update(SETTINGS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash leaves no payload on disk
    return parser.parse_args().port


def be_silent() -> None:
    """From here on nothing that a library says of a caller's words is written anywhere: not by Python, not by C."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stderr.fileno())
    os.close(nowhere)


def ready(address: str) -> None:
    """Tells the station where this engine listens: one line on standard output."""
    if not address.startswith("http://127.0.0.1:"):
        raise SystemExit(f"`{address}` is not on loopback")
    print(address, flush=True)


def serve_until_told() -> None:
    """Waits until standard input closes, which it does when the station ends, however it ends; then leaves at once."""
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)

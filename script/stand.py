"""A gateway set up from nothing in a folder of its own, with the station as its only provider: for demo and tests.

`Stand` starts processes and stops every one of them again, however the program that uses it ends.
"""

import contextlib
import ctypes
import dataclasses
import fcntl
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib

REPO = pathlib.Path(__file__).resolve().parent.parent
STATION = REPO / "examples" / "station"
PHI = pathlib.Path(os.environ.get("PHI", REPO / "target" / "debug" / "phi"))
READY_SECONDS = 60

# What the station's engines do, each the work it is named for.
MODALITIES = ("chat", "embeddings", "transcription", "speech", "ocr", "image")

# What `auto` means for embeddings: the station has no other.
SETTINGS = '[route]\nembeddings = "local/multilingual-e5-small"\n'


class Failed(Exception):
    """Something that the stand needs did not work; the text says what."""


@dataclasses.dataclass
class Engine:
    """One engine of the station."""

    address: str
    pid: int


@dataclasses.dataclass
class Gateway:
    """A gateway that answers, and what is needed to ask it."""

    traffic: str
    console: str
    key: str
    test_key: str
    region: str
    data: pathlib.Path

    @property
    def base_url(self) -> str:
        return f"http://{self.traffic}/v1"


class Stand:
    """Use as a context: all that it started ends with it.

    folder: the data folder's name in `.local`; made anew each time, and held for as long as the stand lives.
    """

    def __init__(self, folder: str) -> None:
        self.data = REPO / ".local" / folder
        self._running: list[tuple[str, subprocess.Popen]] = []
        self._lock = None

    def __enter__(self) -> "Stand":
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(1))
        self.data.parent.mkdir(exist_ok=True)
        self._lock = open(self.data.with_suffix(".lock"), "w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(f"another run holds {self.data.with_suffix('.lock')}: stop it first") from None
        shutil.rmtree(self.data, ignore_errors=True)
        return self

    def __exit__(self, *_) -> None:
        """Stops everything, last started first; a second Ctrl-C does not interrupt it."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for _, process in reversed(self._running):
            self.stop(process)
        self._lock.close()

    def start(self, name: str, command: list, **options) -> subprocess.Popen:
        """Starts a process that hears no Ctrl-C (we do, and stop it) and cannot outlive us."""
        process = subprocess.Popen([str(word) for word in command], start_new_session=True, preexec_fn=_end_with_parent, **options)
        self._running.append((name, process))
        return process

    def stop(self, process: subprocess.Popen) -> None:
        """Tells a process to end, and ends it if it does not. By SIGINT, for which `phi` has no grace."""
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def pid(self, name: str) -> int:
        """Of the process that was last started under this name."""
        return next(process.pid for started, process in reversed(self._running) if started == name)

    def ended(self, within: float) -> str | None:
        """Waits `within` seconds. Returns the name of a process that ended by itself, if one did."""
        time.sleep(within)
        return next((name for name, process in self._running if process.poll() is not None), None)

    def station(self) -> dict[str, Engine]:
        """Starts the engines and waits until they answer."""
        process = self.start("station", [sys.executable, STATION / "station.py"], stdout=subprocess.PIPE, text=True)
        line = process.stdout.readline()
        if not line:
            raise Failed("the station did not start")
        return {name: Engine(**engine) for name, engine in json.loads(line).items()}

    def phi(self, *words: str, given: str = "") -> str:
        """Runs one command of `phi` on the data folder, `given` on its standard input. Returns what it printed."""
        done = subprocess.run([PHI, "--data", self.data, *words], capture_output=True, text=True, input=given)
        if done.returncode != 0:
            raise Failed(f"`phi {' '.join(words)}` failed ({done.returncode}): {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def found(self, region: str, catalogue: dict[str, str], ports: tuple[int, int] = (0, 0), settings: str = SETTINGS) -> None:
        """Makes the data folder with its settings and the catalogue's files (name to text), then one organization and agent."""
        traffic, console = (port or free_port() for port in ports)
        self.addresses = f"127.0.0.1:{traffic}", f"127.0.0.1:{console}"
        self.region = region
        self.phi("init", "--region", region, "--class", "general", "--framework", "nFADP")
        (self.data / "phi.toml").write_text(settings)
        overrides = self.data / "catalog.d"
        overrides.mkdir(exist_ok=True)
        for name, text in catalogue.items():
            (overrides / name).write_text(text)
        self.phi("org", "create", "demo", "--region", region, "--class", "general", "--framework", "nFADP")
        self.phi("agent", "create", "demo", "--org", "demo")

    def attest(self, provider: str, country: str) -> None:
        """Attests that an agreement with a provider on the premises stands; its document is a note in the data folder."""
        note = self.data / f"{provider}-agreement.txt"
        note.write_text(f"The engines of provider `{provider}` run on this machine, in {country}, under the operator's own hand.\n")
        today = time.strftime("%Y-%m-%d", time.gmtime())
        next_year = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 365 * 86_400))
        self.phi(
            *("agreement", "add", "--kind", "provider", "--provider", provider, "--counterparty", "this machine's operator"),
            *("--document", str(note), "--country", country),
            *(word for modality in MODALITIES for word in ("--modality", modality)),
            *("--framework", "nFADP"),
            *("--verified-by", "script/demo", "--verified-on", today, "--review-by", next_year),
        )

    def token(self, *words: str) -> str:
        """A new token of the organization's agent."""
        shown = json.loads(self.phi("token", "create", "--org", "demo", "--agent", "demo", "--json", *words))
        return shown["token"]

    def serve(self, before: tuple[str, ...] = ()) -> Gateway:
        """Issues the keys, starts the gateway (by the command `before` it, if any) and waits until it is ready."""
        key, test_key = self.token(), self.token("--test")
        traffic, console = self.addresses
        process = self.launch(before)
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until and process.poll() is None:
            with contextlib.suppress(OSError):
                if status_of(console, "/readyz") == 200:
                    return Gateway(traffic, console, key, test_key, self.region, self.data)
            time.sleep(0.05)
        raise Failed(f"the gateway is not ready; its log:\n{(self.data / 'serve.log').read_text()[-4000:]}")

    def launch(self, before: tuple[str, ...] = ()) -> subprocess.Popen:
        """Starts the gateway and does not wait for it."""
        traffic, console = self.addresses
        listen = {"PHI_LISTEN_TRAFFIC": traffic, "PHI_LISTEN_CONSOLE": console}
        log = open(self.data / "serve.log", "w")
        return self.start("phi serve", [*before, PHI, "--data", self.data, "serve"], env=os.environ | listen, stdout=log, stderr=log)


def local_catalogue(engines: dict[str, Engine], country: str) -> str:
    """The station as the provider `local`, as an operator writes it."""
    text = (STATION / "local.toml.template").read_text()
    facts = {"country": country, "date": time.strftime("%Y-%m-%d", time.gmtime())}
    facts |= {name: engine.address for name, engine in engines.items()}
    for name, value in facts.items():
        text = text.replace("{{" + name + "}}", value)
    return text


def a_country_of(region: str) -> str:
    """Where the demo says that this machine stands: the region's first country, and Switzerland for WORLD."""
    if region == "WORLD":
        return "CH"
    regions = tomllib.loads((REPO / "catalog" / "regions.toml").read_text())["region"]
    if region not in regions:
        raise Failed(f"`{region}` is not a region: one of {', '.join(regions)}")
    return regions[region]["countries"][0]


def status_of(authority: str, path: str) -> int:
    connection = http.client.HTTPConnection(authority, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def free_port(wanted: int = 0) -> int:
    """`wanted` if nobody listens there, else one that is free now."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
        return probe.getsockname()[1]


def _end_with_parent() -> None:
    """Linux's PR_SET_PDEATHSIG: the child is told to stop when we die, even by `kill -9`."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)

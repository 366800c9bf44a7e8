"""Runs the recipes of `examples/` against a gateway, and holds what they give to what is certain.

A very small model writes badly; so of what is written only its shape is judged, and of what is found, heard and read the content.
Each function runs one recipe on its own samples, and returns in a few words what it saw.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

REPO = pathlib.Path(__file__).resolve().parent.parent
EXAMPLES = REPO / "examples"
sys.path.append(str(EXAMPLES / "station"))

from roundtrip import Wrong, changes, hold, words  # noqa: E402: what the station judges hearing by

SECONDS = 240
MOST_WRONG_PERCENT = 8


def clinical_note(gateway) -> str:
    told = json.loads(run(gateway, "clinical-note/note.py"))
    folder = EXAMPLES / "clinical-note"
    heard = likeness((folder / "encounter.txt").read_text(), told["encounter"])
    hold(words(told["record"]) == words((folder / "record.txt").read_text()), f"the scan was read as {told['record']!r}")
    kinds = {"reason_for_visit": str, "medications": list, "allergies": list, "blood_pressure": str, "plan": list}
    hold({name: type(value) for name, value in told["note"].items()} == kinds, f"the note is {told['note']}")
    lines = [*told["note"]["medications"], *told["note"]["allergies"], told["note"]["blood_pressure"]]
    hold(set(told["to_check"]) <= set(lines), f"{told['to_check']} is not of the note")
    return f"{heard}, the scan was read word for word, a note of {len(kinds)} fields, {len(told['to_check'])} lines to check"


def patient_messages(gateway) -> str:
    told = json.loads(run(gateway, "patient-messages/messages.py"))
    sent = json.loads((EXAMPLES / "patient-messages" / "messages.json").read_text())
    hold([message["id"] for message in told] == [message["id"] for message in sent], "a message is missing")
    urgent = [message["id"] for message in told if message["urgency"] == "now"]
    hold(urgent == ["m3"], f"called at once: {urgent}")
    for message in told:
        hold(message["inbox"], f"nobody reads {message}")
        hold((message["draft"] is None) == (message["id"] in urgent), f"the draft of {message['id']} is {message['draft']!r}")
    return f"{len(told)} messages, {len(urgent)} for the doctor at once, {len(told) - len(urgent)} drafts"


def medical_transcription(gateway) -> str:
    into = gateway.data / "subtitles"
    run(gateway, "medical-transcription/subtitles.py", "--into", str(into))
    srt, vtt = ((into / f"dictation.{ending}").read_text() for ending in ("srt", "vtt"))
    hold(vtt.startswith("WEBVTT\n\n"), f"the vtt begins with {vtt[:20]!r}")
    times = [moment(part) for line in srt.splitlines() if " --> " in line for part in line.split(" --> ")]
    hold(len(times) >= 4 and times == sorted(times), f"the times are {times}")
    hold(times == [moment(part) for line in vtt.splitlines() if " --> " in line for part in line.split(" --> ")], "the vtt has other times")
    spoken = " ".join(line for line in srt.splitlines() if line and not line.isdigit() and " --> " not in line)
    heard = likeness((EXAMPLES / "medical-transcription" / "dictation.txt").read_text(), spoken)
    return f"{heard}, {len(times) // 2} subtitles in {times[-1]:.1f} s"


def ask_the_records(gateway) -> str:
    told = json.loads(run(gateway, "ask-the-records/ask.py"))
    hold([answer["found"][0] for answer in told] == ["allergies", "vaccinations", "knee"], f"found first: {[answer['found'] for answer in told]}")
    for answer in told:
        hold(answer["answer"] and answer["sources"], f"an answer without a source: {answer}")
        hold(set(answer["sources"]) <= set(answer["found"]), f"it names a record that was not found: {answer}")
    return f"{len(told)} questions, the right record found first for each, {sum(len(answer['sources']) for answer in told)} sources named"


def run(gateway, recipe: str, *words: str) -> str:
    """What the recipe prints. It is told where the gateway is as the demo tells it."""
    told = {"OPENAI_BASE_URL": gateway.base_url, "OPENAI_API_KEY": gateway.key}
    plain = {name: value for name, value in os.environ.items() if name != "DATABASE_URL" and not name.endswith("_MODEL")}
    command = [sys.executable, "-B", str(EXAMPLES / recipe), *words]
    done = subprocess.run(command, env=plain | told, capture_output=True, text=True, timeout=SECONDS)
    hold(done.returncode == 0, f"{recipe} failed: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout


def likeness(said: str, heard: str) -> str:
    one, other = words(said), words(heard)
    wrong = changes(one, other)
    hold(100 * wrong <= MOST_WRONG_PERCENT * len(one), f"{wrong} of {len(one)} words were heard wrong: {heard}")
    return f"{wrong} of {len(one)} words heard wrong"


def moment(written: str) -> float:
    """Seconds of `00:01:02,345`, or with a full stop."""
    parts = re.fullmatch(r"(\d\d):(\d\d):(\d\d)[,.](\d{3})", written)
    if parts is None:
        raise Wrong(f"{written!r} is no time")
    hours, minutes, seconds, millis = map(int, parts.groups())
    return hours * 3600 + minutes * 60 + seconds + millis / 1000

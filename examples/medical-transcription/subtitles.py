"""A recording becomes subtitles: what was said, and when, as .srt and .vtt.

    python subtitles.py [--into FOLDER] [RECORDING]

OPENAI_BASE_URL and OPENAI_API_KEY name the gateway. Without a recording, dictation.txt is spoken by the gateway first.
"""

import argparse
import os
import pathlib
import re

from openai import OpenAI

HEARS = os.environ.get("TRANSCRIPTION_MODEL", "auto")
SPEAKS = os.environ.get("SPEECH_MODEL", "auto")
SAMPLE = pathlib.Path(__file__).parent / "dictation.txt"

# What is sent is health information: only a host under an agreement for this kind of work may hear it.
client = OpenAI(
    base_url=os.environ["OPENAI_BASE_URL"],  # said here, for without it the SDK would ask OpenAI itself
    api_key=os.environ["OPENAI_API_KEY"],
    default_headers={"X-PHI": "true"},
)


def main() -> None:
    asked = arguments()
    asked.into.mkdir(parents=True, exist_ok=True)
    recording = asked.recording or sample(asked.into)
    srt = transcribe(recording)
    for ending, subtitles in ((".srt", srt), (".vtt", vtt_of(srt))):
        file = asked.into / (recording.stem + ending)
        file.write_text(subtitles)
        print(file)


def transcribe(recording: pathlib.Path) -> str:
    # The file goes by another name, for its own may name the patient.
    file = ("recording" + recording.suffix, recording.read_bytes())
    return client.audio.transcriptions.create(model=HEARS, file=file, language="en", response_format="srt")


def vtt_of(srt: str) -> str:
    """`response_format="vtt"` gives the same, but the recording would be heard, and charged, a second time."""
    return "WEBVTT\n\n" + re.sub(r"(\d\d:\d\d:\d\d),(\d{3})", r"\1.\2", srt)


def sample(folder: pathlib.Path) -> pathlib.Path:
    spoken = client.audio.speech.create(model=SPEAKS, voice="alloy", input=SAMPLE.read_text(), response_format="mp3")
    recording = folder / "dictation.mp3"
    recording.write_bytes(spoken.read())
    return recording


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="subtitles of a recording")
    parser.add_argument("recording", nargs="?", type=pathlib.Path, help="mp3, wav, flac, m4a, ogg or webm")
    parser.add_argument("--into", type=pathlib.Path, default=pathlib.Path("."), help="the folder for what is made (here)")
    return parser.parse_args()


if __name__ == "__main__":
    main()

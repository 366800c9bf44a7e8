"""A recorded encounter and a scanned record become a structured note, for a clinician to read and sign.

    python note.py [RECORDING SCAN]

OPENAI_BASE_URL and OPENAI_API_KEY name the gateway. Without files, encounter.txt is spoken and record.txt is drawn first.
"""

import base64
import io
import json
import os
import pathlib
import re
import sys
from typing import Annotated

from openai import OpenAI
from pydantic import BaseModel, Field

CHAT = os.environ.get("CHAT_MODEL", "auto")
HEARS = os.environ.get("TRANSCRIPTION_MODEL", "auto")
READS = os.environ.get("OCR_MODEL", "auto")
SPEAKS = os.environ.get("SPEECH_MODEL", "auto")
HERE = pathlib.Path(__file__).parent
LONGEST = 80  # characters; the demo's very small model would not stop by itself, a real one has use for more

# What is sent is health information: only hosts under an agreement for each kind of work may see it.
client = OpenAI(
    base_url=os.environ["OPENAI_BASE_URL"],  # said here, for without it the SDK would ask OpenAI itself
    api_key=os.environ["OPENAI_API_KEY"],
    default_headers={"X-PHI": "true"},
)

Line = Annotated[str, Field(max_length=LONGEST)]


class Note(BaseModel):
    """What the model has to fill in. It cannot answer anything else."""

    reason_for_visit: Line
    medications: Annotated[list[Line], Field(max_length=3)]
    allergies: Annotated[list[Line], Field(max_length=3)]
    blood_pressure: Line
    plan: Annotated[list[Line], Field(max_length=3)]


def main() -> None:
    recording, scan = files()
    encounter = transcribe(recording)
    record = read(scan)
    note = write(encounter, record)
    told = {"note": note.model_dump(), "to_check": to_check(note, f"{encounter} {record}"), "encounter": encounter, "record": record}
    print(json.dumps(told, indent=2, ensure_ascii=False))


def transcribe(recording: bytes) -> str:
    file = ("encounter.wav", recording)
    return client.audio.transcriptions.create(model=HEARS, file=file, language="en").text


def read(scan: bytes) -> str:
    """OCR in Mistral's shape, for which OpenAI's SDK has no method of its own."""
    url = f"data:application/pdf;base64,{base64.b64encode(scan).decode()}"
    asked = {"model": READS, "document": {"type": "document_url", "document_url": url}}
    told = client.post("/ocr", body=asked, cast_to=object)
    return "\n\n".join(page["markdown"] for page in told["pages"])


def write(encounter: str, record: str) -> Note:
    messages = [
        {"role": "system", "content": "You write clinical notes. Use only what the encounter and the record say."},
        {"role": "user", "content": f"Encounter:\n{encounter}\n\nRecord:\n{record}\n\nWrite the note of this visit as JSON."},
    ]
    answer = client.chat.completions.parse(model=CHAT, messages=messages, response_format=Note, max_tokens=400, temperature=0)
    return answer.choices[0].message.parsed


def to_check(note: Note, sources: str) -> list[str]:
    """Lines of the note with a word that neither source has: no proof that the others are right."""
    known = words(sources)
    lines = [*note.medications, *note.allergies, note.blood_pressure]
    return [line for line in lines if not words(line) <= known]


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def files() -> tuple[bytes, bytes]:
    """A WAV and a PDF: those that were named, else made of the texts beside this file."""
    if len(sys.argv) == 3:
        return pathlib.Path(sys.argv[1]).read_bytes(), pathlib.Path(sys.argv[2]).read_bytes()
    if len(sys.argv) != 1:
        raise SystemExit(__doc__)
    script = (HERE / "encounter.txt").read_text()
    spoken = client.audio.speech.create(model=SPEAKS, voice="alloy", input=script, response_format="wav")
    return spoken.read(), drawn((HERE / "record.txt").read_text())


def drawn(text: str) -> bytes:
    """A PDF with the picture of a page in it, as a scanner makes it: there is no text to be taken out."""
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("L", (1240, 1754), "white")
    ImageDraw.Draw(page).multiline_text((110, 130), text, "black", ImageFont.load_default(34), spacing=18)
    pdf = io.BytesIO()
    page.save(pdf, "PDF", resolution=150)
    return pdf.getvalue()


if __name__ == "__main__":
    main()

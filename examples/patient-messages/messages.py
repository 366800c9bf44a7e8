"""Messages of patients are classified, routed to an inbox, and answered by a draft that a person reads and sends.

    python messages.py [MESSAGES.json]

OPENAI_BASE_URL and OPENAI_API_KEY name the gateway. Without a file, the made-up messages.json beside this one is taken.
"""

import json
import os
import pathlib
import re
import sys
from typing import Annotated, Literal

from openai import OpenAI
from pydantic import BaseModel, Field

CLASSIFIES = os.environ.get("FAST_CHAT_MODEL", "auto")
DRAFTS = os.environ.get("CHAT_MODEL", "auto")
INBOXES = {
    "appointment": "front desk",
    "prescription": "pharmacy team",
    "test result": "nurses",
    "symptom": "nurses",
    "billing": "accounts",
    "other": "front desk",
}
LONGEST = 120  # characters; the demo's very small model would not stop by itself, a real one has use for more
# No model is asked about these: whoever writes one of them is called at once.
RED_FLAGS = re.compile(
    r"\b(chest pain|short(ness)? of breath|can(no|'|’)t breathe|numb(ness)?|unconscious|suicid\w*|bleed(s|ing)?)\b", re.IGNORECASE
)

# What is sent is health information: only a host under an agreement for this kind of work may read it.
client = OpenAI(
    base_url=os.environ["OPENAI_BASE_URL"],  # said here, for without it the SDK would ask OpenAI itself
    api_key=os.environ["OPENAI_API_KEY"],
    default_headers={"X-PHI": "true"},
)


class Triage(BaseModel):
    """What the model can say of a message, and nothing else."""

    category: Literal[*INBOXES]
    urgency: Literal["today", "this week", "whenever"]


class Draft(BaseModel):
    reply: Annotated[str, Field(max_length=LONGEST)]


def main() -> None:
    if len(sys.argv) > 2:
        raise SystemExit(__doc__)
    file = pathlib.Path(sys.argv[1]) if len(sys.argv) == 2 else pathlib.Path(__file__).parent / "messages.json"
    print(json.dumps([handled(message) for message in json.loads(file.read_text())], indent=2, ensure_ascii=False))


def handled(message: dict) -> dict:
    text = message["text"]
    if RED_FLAGS.search(text):
        return {"id": message["id"], "category": "symptom", "urgency": "now", "inbox": "doctor on call", "draft": None}
    triage = classify(text)
    inbox = INBOXES[triage.category]
    return {"id": message["id"], **triage.model_dump(), "inbox": inbox, "draft": draft(text, inbox)}


def classify(text: str) -> Triage:
    return ask(CLASSIFIES, f"Classify the patient's message. Categories: {', '.join(INBOXES)}.", text, Triage)


def draft(text: str, inbox: str) -> str:
    how = f"Write the reply of the clinic's {inbox} to this patient, in two polite sentences. Promise nothing."
    return ask(DRAFTS, how, text, Draft).reply


def ask(model: str, how: str, text: str, shape: type[BaseModel]):
    messages = [{"role": "system", "content": how}, {"role": "user", "content": text}]
    answer = client.chat.completions.parse(model=model, messages=messages, response_format=shape, max_tokens=200, temperature=0)
    return answer.choices[0].message.parsed


if __name__ == "__main__":
    main()

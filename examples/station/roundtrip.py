"""Proves the station's engines on each other: what one says or draws, another reads back, word for word.

    python examples/station/station.py --check

The last line is `N passed, N failed`. What is asked for here is made up, and stands in this file.
"""

import base64
import http.client
import io
import json
import re
import time
import urllib.parse

# Each comes back as it is: the first list word for word, the second with its share of wrong words told.
SENTENCES = (
    "The patient has high blood pressure.",
    "Name three rivers of Switzerland.",
    "The quick brown fox jumps over the lazy dog.",
    "Please call the doctor before nine o'clock tomorrow morning.",
    "She takes five milligrams of the medicine twice a day.",
    "Water boils at one hundred degrees.",
    "He broke his left arm on the second of March.",
    "A gateway stands between the caller and the host.",
)
MORE_SENTENCES = (
    "No request ever leaves its region.",
    "The ledger is written before the answer is sent.",
    "The train leaves at noon from platform seven.",
    "Anna is forty two years old and lives by the lake.",
    "Her temperature rose to thirty nine degrees during the night.",
    "The nurse changed the bandage and wrote down the time.",
    "Money is counted in whole numbers and never rounded twice.",
    "It rained all week, so the children stayed inside and read books.",
    "Take one tablet with a glass of water after each meal.",
    "The old bridge was closed because the river had risen too high.",
    "His heart rate was seventy two beats per minute at rest.",
    "We waited two hours for the results of the blood test.",
    "Every key is sealed, and nobody can read it without the other half.",
    "The surgeon explained the risks in plain words.",
    "Turn left at the church and walk for ten minutes.",
    "There were eighteen people in the room and only twelve chairs.",
    "The second opinion agreed with the first one in every point.",
    "Breathe in slowly, hold your breath, and breathe out again.",
    "The invoice was paid in full on the last day of June.",
    "Snow covered the mountains until the end of April.",
)
MOST_WRONG_PERCENT = 8
PAGE = (
    "Discharge letter",
    "The patient was admitted with chest pain and a mild fever.\nBlood pressure was 140 over 90, and the pulse was regular.",
    "We recommend rest for two weeks, and a visit to the\nfamily doctor on the third of May.",
)
MODELS = {"transcription": "whisper-tiny.en", "speech": "piper-en-us-joe", "ocr": "tesseract", "image": "local-sketch"}
PATHS = {
    "transcription": "/v1/audio/transcriptions",
    "speech": "/v1/audio/speech",
    "ocr": "/v1/ocr",
    "image": "/v1/images/generations",
}


class Wrong(Exception):
    """A proof did not hold; the text says in what."""


class RoundTrip:
    """The proofs, in order: a name that starts with an underscore is none. `addresses`: engine to `http://host:port`."""

    def __init__(self, addresses: dict[str, str]) -> None:
        self._addresses = addresses

    def what_is_spoken_is_heard_word_for_word(self) -> str:
        for sentence in SENTENCES:
            heard = self._hear(self._speak(sentence, response_format="wav"))["text"]
            hold(words(heard) == words(sentence), f"`{sentence}` was heard as `{heard}`")
        return f"{len(SENTENCES)} sentences"

    def few_words_of_many_sentences_are_heard_wrong(self) -> str:
        wrong = count = 0
        every = SENTENCES + MORE_SENTENCES
        for at in range(0, len(every), 4):  # Whisper hears thirty seconds at a time, however short they are
            text = " ".join(every[at : at + 4])
            said = words(text)
            wrong += changes(said, words(self._hear(self._speak(text, response_format="flac"))["text"]))
            count += len(said)
        share = 100 * wrong / count
        hold(share <= MOST_WRONG_PERCENT, f"{wrong} of {count} words, {share:.1f} %")
        return f"word error rate {share:.1f} %: {wrong} of {count} words"

    def every_format_of_speech_is_heard(self) -> str:
        sentence, told = SENTENCES[0], []
        for written in ("wav", "pcm", "mp3", "opus", "aac", "flac"):
            recording = self._speak(sentence, response_format=written)
            told.append(f"{written} {len(recording)}")
            heard = self._hear(with_header(recording) if written == "pcm" else recording)["text"]
            hold(words(heard) == words(sentence), f"by {written} `{sentence}` was heard as `{heard}`")
        return ", ".join(told) + " bytes"

    def speech_comes_sentence_by_sentence(self) -> str:
        text = " ".join(SENTENCES)
        started = time.monotonic()
        reply, connection = self._ask("speech", speech(text, response_format="pcm"))
        first = reply.read(2)
        after = time.monotonic() - started
        rest = reply.read()
        whole = time.monotonic() - started
        connection.close()
        hold(len(first) == 2 and after < whole / 2, f"the first sound came after {after:.2f} of {whole:.2f} seconds")
        return f"first sound after {after * 1000:.0f} ms, all {len(rest) / 48_000:.1f} s of it after {whole * 1000:.0f} ms"

    def twice_as_fast_takes_much_less_time(self) -> str:
        slow, fast = (len(self._speak(SENTENCES[0], response_format="pcm", speed=speed)) for speed in (1, 2))
        hold(0.4 < fast / slow < 0.7, f"{fast} against {slow} bytes")
        return f"{fast / slow:.2f}"

    def each_way_to_write_what_was_heard_agrees(self) -> str:
        recording = self._speak(" ".join(SENTENCES[:3]), response_format="wav")
        plain = self._hear(recording)
        hold(plain["usage"] == {"type": "duration", "seconds": plain["usage"]["seconds"]}, f"usage is {plain['usage']}")
        both = [("timestamp_granularities[]", "word"), ("timestamp_granularities[]", "segment")]
        told = self._hear(recording, *both, response_format="verbose_json")
        hold(told["text"] == plain["text"], "verbose_json holds another text")
        spoken = [word["word"] for word in told["words"]]
        hold(words(" ".join(spoken)) == words(plain["text"]), f"the words are {spoken}")
        times = [moment for word in told["words"] for moment in (word["start"], word["end"])]
        hold(times == sorted(times) and times[-1] <= told["duration"] + 0.5, "the words' times are out of order")
        hold(told["segments"][-1]["end"] <= told["duration"], "a segment ends after the sound")
        hold("".join(segment["text"] for segment in told["segments"]).strip() == plain["text"], "the segments differ")
        text = self._heard(recording, response_format="text").decode()
        hold(text == plain["text"] + "\n", "text holds another text")
        for written, start in (("srt", r"1\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\n"), ("vtt", r"WEBVTT\n\n00:00:0\d\.\d{3} --> ")):
            subtitles = self._heard(recording, response_format=written).decode()
            hold(re.match(start, subtitles), f"{written} is {subtitles!r}")
            lines = [line for line in subtitles.splitlines() if line and not re.match(r"\d+$|WEBVTT|.* --> ", line)]
            hold(words(" ".join(lines)) == words(plain["text"]), f"{written} holds another text")
        streamed = self._heard(recording, stream="true").decode()
        events = [json.loads(line[6:]) for line in streamed.splitlines() if line.startswith("data: ")]
        deltas = "".join(event["delta"] for event in events[:-1])
        hold(events[-1]["type"] == "transcript.text.done" and deltas.strip() == events[-1]["text"] == plain["text"], streamed)
        return f"{len(spoken)} words, {len(told['segments'])} segments, {plain['usage']['seconds']} s"

    def silence_is_heard_as_nothing(self) -> str:
        heard = self._hear(with_header(bytes(2 * 24_000 * 3)))
        hold(heard["text"] == "" and heard["usage"]["seconds"] == 3, f"it is {heard}")
        return "3 s"

    def a_drawn_page_is_read_word_for_word(self) -> str:
        for media_type, kind in (("image/png", "PNG"), ("image/jpeg", "JPEG"), ("image/tiff", "TIFF"), ("image/webp", "WEBP")):
            self._reads(document(media_type, [page(PAGE)], kind), [PAGE])
        self._reads(document("application/pdf", [page(PAGE)], "PDF"), [PAGE])
        return "PNG, JPEG, TIFF, WebP, PDF"

    def the_pages_that_are_asked_for_are_read(self) -> str:
        sheets = [(f"Sheet number {word}",) for word in ("one", "two", "three")]
        for media_type, kind in (("application/pdf", "PDF"), ("image/tiff", "TIFF")):
            asked = document(media_type, [page(sheet) for sheet in sheets], kind)
            self._reads(asked, sheets)
            for pages in ([2, 0], "0,2", "0-0, 2"):
                told = self._reads(asked | {"pages": pages}, [sheets[0], sheets[2]])
                hold([sheet["index"] for sheet in told["pages"]] == [0, 2], f"of pages {pages}: {told['pages']}")
        return "of a PDF and of a TIFF"

    def a_drawn_prompt_is_read_back(self) -> str:
        prompt = "a red house beside the lake"
        reply = self._json("image", {"model": MODELS["image"], "prompt": prompt, "n": 2, "size": "768x512"})
        one, other = (base64.b64decode(item["b64_json"]) for item in reply["data"])
        hold(one != other, "two pictures of one request are the same")
        for drawn in (one, other):
            url = f"data:image/png;base64,{base64.b64encode(drawn).decode()}"
            told = self._json("ocr", {"model": MODELS["ocr"], "document": {"type": "image_url", "image_url": url}})
            size = told["pages"][0]["dimensions"]
            hold((size["width"], size["height"]) == (768, 512), f"it is {size}")
            hold(words(told["pages"][0]["markdown"]) == words(prompt), f"it reads {told['pages'][0]['markdown']!r}")
        return prompt

    def what_is_unclear_is_refused(self) -> str:
        sound = with_header(bytes(48_000))
        wanted = document("image/png", [page(("word",))], "PNG")
        refusals = [
            ("transcription", form(sound, model="whisper-9"), 404),
            ("transcription", form(sound, model=MODELS["transcription"], language="de"), 400),
            ("transcription", form(sound, model=MODELS["transcription"], response_format="docx"), 400),
            ("transcription", form(sound, model=MODELS["transcription"], temperature="warm"), 400),
            ("transcription", form(sound, model=MODELS["transcription"], colour="red"), 400),
            ("transcription", form(sound, ("timestamp_granularities[]", "word"), model=MODELS["transcription"]), 400),
            ("transcription", form(b"no sound at all", model=MODELS["transcription"]), 400),
            ("transcription", form(sound[:46], model=MODELS["transcription"]), 400),
            ("transcription", form(b"#EXTM3U\nfile:///etc/hostname\n", model=MODELS["transcription"]), 400),
            ("transcription", form(None, model=MODELS["transcription"]), 400),
            ("transcription", ("multipart/form-data; boundary=x", b"--x\r\ncut off"), 400),
            ("transcription", ("application/json", b"{}"), 415),
            ("speech", speech("word", model="tts-9"), 404),
            ("speech", speech("word", voice="nobody"), 400),
            ("speech", speech("word", speed=9), 400),
            ("speech", speech("word", response_format="midi"), 400),
            ("speech", speech("w" * 4097), 400),
            ("speech", speech(" "), 400),
            ("speech", speech("word", colour="red"), 400),
            ("speech", ("application/json", b'{"model": "a", "model": "b"}'), 400),
            ("speech", ("application/json", b"[" * 100_000), 400),
            ("ocr", ocr(wanted, model="ocr-9"), 404),
            ("ocr", ocr({"document": {"type": "image_url", "image_url": "http://127.0.0.1:1/a.png"}}), 400),
            ("ocr", ocr({"document": {"type": "file", "file_id": "a"}}), 400),
            ("ocr", ocr({"document": {"type": "document_url", "document_url": "data:application/pdf;base64,AAAA"}}), 400),
            ("ocr", ocr({"document": {"type": "image_url", "image_url": "data:image/png;base64,AAAA"}}), 400),
            ("ocr", ocr(sheet_of(14_400_000)), 400),
            ("ocr", ocr({"document": {"type": "image_url", "image_url": "data:image/png;base64,%%%%"}}), 400),
            ("ocr", ocr(wanted, pages=[1]), 400),
            ("ocr", ocr(wanted, pages="first"), 400),
            ("ocr", ocr(wanted, document_annotation_prompt="sum it up"), 400),
            ("image", picture("word", model="sketch-9"), 404),
            ("image", picture("word", size="9x9"), 400),
            ("image", picture("word", n=11), 400),
            ("image", picture("word", response_format="url"), 400),
            ("image", picture("word", colour="red"), 400),
            ("image", ("application/json", b" " * 300_000), 413),
        ]
        for number, (name, body, status) in enumerate(refusals):
            reply, connection = self._ask(name, body)
            error = json.loads(reply.read())["error"]
            connection.close()
            hold(reply.status == status, f"number {number}, of {name}, is {reply.status} instead of {status}: {error}")
            hold(set(error) == {"message", "type", "param", "code"} and error["type"] == "invalid_request_error", f"{error}")
        return f"{len(refusals)} requests"

    def _speak(self, text: str, **fields) -> bytes:
        return self._answered("speech", speech(text, **fields))

    def _heard(self, recording: bytes, *more: tuple[str, str], **fields) -> bytes:
        return self._answered("transcription", form(recording, *more, **({"model": MODELS["transcription"]} | fields)))

    def _hear(self, recording: bytes, *more: tuple[str, str], **fields) -> dict:
        return json.loads(self._heard(recording, *more, **fields))

    def _reads(self, asked: dict, sheets: list) -> dict:
        told = self._json("ocr", {"model": MODELS["ocr"], **asked})
        hold(told["usage_info"]["pages_processed"] == len(sheets), f"it read {told['usage_info']}")
        for sheet, read in zip(sheets, told["pages"]):
            hold(words(read["markdown"]) == words(" ".join(sheet)), f"it read {read['markdown']!r}")
            hold(read["images"] == [] and read["dimensions"]["dpi"] == 200, f"it has {read['dimensions']}")
        return told

    def _json(self, name: str, fields: dict) -> dict:
        return json.loads(self._answered(name, as_json(fields)))

    def _answered(self, name: str, body: tuple[str, bytes]) -> bytes:
        reply, connection = self._ask(name, body)
        try:
            content = reply.read()
            hold(reply.status == 200, f"{name} answers {reply.status}: {content[:300]!r}")
            return content
        finally:
            connection.close()

    def _ask(self, name: str, body: tuple[str, bytes]) -> tuple[http.client.HTTPResponse, http.client.HTTPConnection]:
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self._addresses[name]).netloc, timeout=120)
        content_type, content = body
        connection.request("POST", PATHS[name], content, {"Content-Type": content_type})
        return connection.getresponse(), connection


NAMES = [name for name in vars(RoundTrip) if not name.startswith("_")]


def run(addresses: dict[str, str]) -> int:
    """Every proof in turn. Prints what each saw; the last line is the sum. Returns 0 if all hold."""
    proofs, failed = RoundTrip(addresses), 0
    for name in NAMES:
        started = time.monotonic()
        try:
            saw = getattr(proofs, name)()
            print(f"ok     {name.replace('_', ' ')}: {saw} ({(time.monotonic() - started) * 1000:.0f} ms)", flush=True)
        except Exception as why:  # a proof that breaks in any way is a proof that failed
            failed += 1
            said = str(why) if isinstance(why, Wrong) else f"{type(why).__name__}: {why}"
            print(f"FAILED {name.replace('_', ' ')}: {said}", flush=True)
    print(f"{len(NAMES) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


def hold(true, otherwise: str) -> None:
    if not true:
        raise Wrong(otherwise)


def as_json(fields: dict) -> tuple[str, bytes]:
    return "application/json", json.dumps(fields).encode()


def speech(text: str, **fields) -> tuple[str, bytes]:
    return as_json({"model": MODELS["speech"], "input": text, "voice": "joe", **fields})


def picture(prompt: str, **fields) -> tuple[str, bytes]:
    return as_json({"model": MODELS["image"], "prompt": prompt, **fields})


def ocr(asked: dict, **fields) -> tuple[str, bytes]:
    return as_json({"model": MODELS["ocr"], **asked, **fields})


def form(recording: bytes | None, *more: tuple[str, str], **fields: str) -> tuple[str, bytes]:
    head = '--between\r\nContent-Disposition: form-data; name="{}"\r\n\r\n'
    body = "".join(f"{head.format(name)}{value}\r\n" for name, value in (*fields.items(), *more)).encode()
    if recording is not None:
        body += head.format('file"; filename="a.wav').encode() + recording + b"\r\n"
    return "multipart/form-data; boundary=between", body + b"--between--\r\n"


def with_header(samples: bytes) -> bytes:
    """A WAV of raw samples: 24,000 a second, 16 bits, one channel."""
    import wave

    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setparams((1, 2, 24_000, 0, "NONE", ""))
        file.writeframes(samples)
    return made.getvalue()


def page(paragraphs: tuple[str, ...]):
    """A sheet of A5 at 200 dots per inch."""
    import PIL.Image
    import PIL.ImageDraw
    import PIL.ImageFont

    sheet = PIL.Image.new("L", (1165, 1654), 255)
    text = "\n\n".join(paragraphs)
    PIL.ImageDraw.Draw(sheet).multiline_text((90, 120), text, 0, PIL.ImageFont.load_default(34), spacing=14)
    return sheet


def document(media_type: str, sheets: list, kind: str) -> dict:
    made = io.BytesIO()
    more = {"save_all": True, "append_images": sheets[1:]} if kind in ("PDF", "TIFF") else {}
    sheets[0].save(made, kind, **more, **({"resolution": 200} if kind == "PDF" else {}))
    word = "document_url" if kind == "PDF" else "image_url"
    url = f"data:{media_type};base64,{base64.b64encode(made.getvalue()).decode()}"
    return {"document": {"type": word, word: url}}


def sheet_of(points: int) -> dict:
    """A PDF with one empty square page."""
    made = b"""%%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]>>endobj
trailer<</Root 1 0 R>>""" % (points, points)
    url = f"data:application/pdf;base64,{base64.b64encode(made).decode()}"
    return {"document": {"type": "document_url", "document_url": url}}


ONES = """zero one two three four five six seven eight nine ten
eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"""
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
ORDINALS = {"1st": "first", "2nd": "second", "3rd": "third"}


def words(text: str) -> list[str]:
    """In lower case, without punctuation, numbers as words."""
    found = re.findall(r"[a-z0-9']+", text.lower().replace("’", "'"))
    return [part for word in found for part in (spelt(int(word)) if word.isdigit() else ORDINALS.get(word, word)).split()]


def spelt(number: int) -> str:
    """Of a number below a thousand; others stay as they are."""
    if number < 20:
        return ONES.split()[number]
    if number < 100:
        ten = TENS.split()[number // 10 - 2]
        return f"{ten} {spelt(number % 10)}" if number % 10 else ten
    if number < 1000:
        hundred = f"{spelt(number // 100)} hundred"
        return f"{hundred} {spelt(number % 100)}" if number % 100 else hundred
    return str(number)


def changes(said: list[str], heard: list[str]) -> int:
    """The least words to change, add or leave out that make one the other."""
    row = list(range(len(heard) + 1))
    for i, one in enumerate(said, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (one != other))
    return row[-1]

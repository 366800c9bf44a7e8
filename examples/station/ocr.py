"""The OCR engine: Debian's tesseract, asked in Mistral's shape, on loopback. It reads English alone.

Pages of a PDF are drawn by PDFium, pictures are read by Pillow; both in memory. Each page goes to a tesseract process of
its own by standard input, and its words come back by standard output: nothing touches a disk.
"""

import base64
import binascii
import csv
import io
import re
import shutil
import subprocess
import threading
import time

import engine
import web
from asked import Asked

MODEL = "tesseract"
MOST_BYTES = 20 * 1024 * 1024
MOST_PAGES = 100
MOST_PIXELS = 40_000_000
DPI, LEAST_DPI = 200, 50
PAGE_SECONDS = 60
PICTURES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/jpg": "JPEG", "image/tiff": "TIFF", "image/webp": "WEBP"}
PDF = "application/pdf"
POINTS_PER_INCH = 72


def main() -> None:
    port = engine.begin("ocr")
    program = shutil.which("tesseract")
    if program is None:
        raise SystemExit("ocr: `tesseract` is not installed: run script/setup")
    import PIL.Image
    import pypdfium2  # noqa: F401: loaded before the first request

    PIL.Image.MAX_IMAGE_PIXELS = None  # `pictures` bounds them itself, before they are read
    PIL.Image.init()

    def answer(call: web.Call) -> web.Answer:
        asked = Asked.of_json(call)
        asked.model(MODEL)
        media_type, document = document_of(asked.value("document"))
        wanted = wanted_pages(asked.value("pages", None))
        # It finds no pictures and no tables, so what is asked about them makes no difference.
        asked.moot("include_image_base64", "image_limit", "image_min_size", "table_format", "id")
        asked.end()
        pages = []
        for index, picture, dpi in drawn(media_type, document, wanted):
            call.still_there()
            size = {"dpi": dpi, "height": picture.height, "width": picture.width}
            markdown = read(program, picture, dpi, call)
            pages.append({"index": index, "markdown": markdown, "images": [], "dimensions": size})
        usage = {"pages_processed": len(pages), "doc_size_bytes": len(document)}
        return web.json_answer({"pages": pages, "model": MODEL, "document_annotation": None, "usage_info": usage})

    web.serve(port, "/v1/ocr", MOST_BYTES * 4 // 3 + 65_536, answer)


def document_of(document) -> tuple[str, bytes]:
    """Media type and bytes. Only `data:` URLs: the engine fetches nothing."""
    kind = document.get("type") if isinstance(document, dict) else None
    if kind not in ("document_url", "image_url"):
        raise web.Refused("`document.type` is `document_url` or `image_url`", param="document", code="invalid_value")
    url = document.get(kind)
    if kind == "image_url" and isinstance(url, dict):
        url = url.get("url")
    if not isinstance(url, str) or not url.startswith("data:"):
        raise web.Refused("the document is not a `data:` URL: nothing is fetched", param="document", code="invalid_value")
    head, _, encoded = url.partition(",")
    media_type = head.removeprefix("data:").removesuffix(";base64").lower()
    if not head.endswith(";base64") or media_type not in (PDF, *PICTURES):
        raise web.Refused("the document is a PDF, PNG, JPEG, TIFF or WebP in base64", param="document", code="invalid_value")
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise web.Refused("the document is not base64", param="document", code="invalid_value") from None
    if len(content) > MOST_BYTES:
        raise web.Refused(f"the document is above {MOST_BYTES} bytes", param="document", code="request_too_large", status=413)
    return media_type, content


def wanted_pages(pages) -> list[int] | None:
    """Numbers from 0, in order, each once: from a list, or from a text such as `0-5,7`. `None`: all."""
    unclear = web.Refused("`pages` is a list of numbers from 0, or a text such as `0-5,7`", param="pages", code="invalid_value")
    if pages is None:
        return None
    if isinstance(pages, str):
        if not re.fullmatch(r" *\d{1,6}( *- *\d{1,6})? *(, *\d{1,6}( *- *\d{1,6})? *)*", pages, re.ASCII):
            raise unclear
        spans = [[int(number) for number in span.split("-")] for span in pages.split(",")]
        if any(span[-1] < span[0] or span[-1] - span[0] >= MOST_PAGES for span in spans):
            raise unclear
        pages = [number for span in spans for number in range(span[0], span[-1] + 1)]
    if not isinstance(pages, list) or not pages or not all(type(page) is int and page >= 0 for page in pages):
        raise unclear
    return sorted(set(pages))


def drawn(media_type: str, document: bytes, wanted: list[int] | None):
    """Index, grey picture and dots per inch of each wanted page, one after the other."""
    return pdf_pages(document, wanted) if media_type == PDF else picture_pages(document, PICTURES[media_type], wanted)


def chosen(count: int, wanted: list[int] | None) -> list[int]:
    pages = list(range(count)) if wanted is None else wanted
    if pages and pages[-1] >= count:
        raise web.Refused(f"the document has {count} pages, and they count from 0", param="pages", code="invalid_value")
    if len(pages) > MOST_PAGES:
        raise web.Refused(f"more than {MOST_PAGES} pages: ask for some of them by `pages`", param="pages", code="too_many_pages")
    return pages


def pdf_pages(document: bytes, wanted: list[int] | None):
    import pypdfium2

    try:
        with pypdfium2.PdfDocument(document) as pdf:
            pdf.init_forms()  # what was filled in is drawn too
            for index in chosen(len(pdf), wanted):
                page = pdf[index]
                inches = page.get_width() / POINTS_PER_INCH, page.get_height() / POINTS_PER_INCH
                dpi = min(DPI, int((MOST_PIXELS / max(inches[0] * inches[1], 1e-6)) ** 0.5))
                if dpi < LEAST_DPI:
                    raise web.Refused("a page is too large to be read", param="document", code="image_too_large")
                picture = page.render(scale=dpi / POINTS_PER_INCH, grayscale=True).to_pil().convert("L")
                page.close()
                yield index, picture, dpi
    except pypdfium2.PdfiumError:
        why = "the document cannot be read as a PDF, or needs a password"
        raise web.Refused(why, param="document", code="invalid_value") from None


def picture_pages(document: bytes, kind: str, wanted: list[int] | None):
    """A TIFF may have several pages."""
    import PIL.Image
    import PIL.ImageOps
    import PIL.ImageSequence

    broken = web.Refused(f"the document cannot be read as {kind}", param="document", code="invalid_value")
    try:
        with PIL.Image.open(io.BytesIO(document), formats=[kind]) as picture:
            for index in chosen(getattr(picture, "n_frames", 1) if kind == "TIFF" else 1, wanted):
                picture.seek(index)
                if picture.width * picture.height > MOST_PIXELS:
                    why = f"a page is above {MOST_PIXELS} pixels"
                    raise web.Refused(why, param="document", code="image_too_large")
                yield index, grey(PIL.ImageOps.exif_transpose(picture)), DPI
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, TypeError, KeyError):  # all of them are Pillow's
        raise broken from None


def grey(picture):
    """On white paper, where it can be seen through."""
    import PIL.Image

    if picture.mode.startswith("I;16"):
        return picture.point(lambda value: value / 256).convert("L")
    seen = picture.convert("RGBA")
    return PIL.Image.alpha_composite(PIL.Image.new("RGBA", seen.size, "white"), seen).convert("L")


def read(program: str, picture, dpi: int, call: web.Call) -> str:
    """The words of a page by tesseract: a paragraph for each of its own, with its lines. Ends early when the caller leaves."""
    page = b"P5 %d %d 255\n" % picture.size + picture.tobytes()
    command = [program, "stdin", "stdout", "-l", "eng", "--dpi", str(dpi), "tsv"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd="/", **pipes)
    done = threading.Event()
    threading.Thread(target=watch, args=(process, call, done), daemon=True).start()
    try:
        found, _ = process.communicate(page)
    finally:
        done.set()
    call.still_there()
    if process.returncode != 0:
        raise web.Refused(f"a page took tesseract more than {PAGE_SECONDS} seconds, or it failed", status=500)
    return markdown_of(found.decode("utf-8", "replace"))


def watch(process: subprocess.Popen, call: web.Call, done: threading.Event) -> None:
    """Ends the process when its caller leaves or its time is up."""
    until = time.monotonic() + PAGE_SECONDS
    while not done.wait(0.25):
        try:
            call.still_there()
        except (web.Gone, OSError):
            until = 0
        if time.monotonic() > until:
            process.kill()


def markdown_of(table: str) -> str:
    """From tesseract's TSV: words in lines, lines in paragraphs, an empty line between two of these."""
    paragraphs: dict[tuple, dict[str, list[str]]] = {}
    for row in csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE):
        if row["level"] == "5" and (word := (row["text"] or "").strip()):
            paragraph = paragraphs.setdefault((row["block_num"], row["par_num"]), {})
            paragraph.setdefault(row["line_num"], []).append(word)
    return "\n\n".join("\n".join(" ".join(words) for words in lines.values()) for lines in paragraphs.values())


if __name__ == "__main__":
    main()

"""A `multipart/form-data` body (RFC 7578), in memory and bounded. Names of files are read past and never kept."""

import email.message
import re

import web

MOST_PARTS = 64
MOST_HEAD_BYTES = 4096
MOST_TEXT_BYTES = 65_536


def parts(call: web.Call, files: set[str], lists: set[str]) -> dict:
    """Field name to text; to bytes for those in `files`; to a list of texts for those in `lists`. A name comes once otherwise."""
    found: dict = {}
    for name, content in _each(call.body, _boundary(call.content_type)):
        if name in files:
            value = content
        elif len(content) > MOST_TEXT_BYTES:
            raise web.Refused("a field of the form is too long", param=name[:64])
        else:
            try:
                value = content.decode("utf-8")
            except UnicodeDecodeError:
                raise web.Refused("a field of the form is not text", param=name[:64]) from None
        if name in lists:
            found.setdefault(name, []).append(value)
        elif name in found:
            raise web.Refused("a field of the form comes twice", param=name[:64])
        else:
            found[name] = value
    return found


def _boundary(content_type: str) -> bytes:
    head = email.message.Message()
    head["Content-Type"] = content_type
    boundary = head.get_param("boundary")
    if head.get_content_type() != "multipart/form-data" or not isinstance(boundary, str) or not 1 <= len(boundary) <= 70:
        raise web.Refused("the body is not `multipart/form-data` with a boundary", status=415)
    try:
        return b"\r\n--" + boundary.encode("ascii")
    except UnicodeEncodeError:
        raise web.Refused("the boundary of the form is not ASCII") from None


def _each(body: bytes, boundary: bytes):
    broken = web.Refused("the form is cut off, or not as RFC 7578 has it")
    if body.startswith(boundary[2:]):
        at = len(boundary) - 2
    elif (first := body.find(boundary, 0, MOST_HEAD_BYTES)) >= 0:
        at = first + len(boundary)
    else:
        raise broken
    for _ in range(MOST_PARTS + 1):
        if body.startswith(b"--", at):
            return
        head = re.compile(rb"[ \t]*\r\n").match(body, at)
        end_of_head = body.find(b"\r\n\r\n", at, at + MOST_HEAD_BYTES)
        if not head or end_of_head < 0:
            raise broken
        end = body.find(boundary, end_of_head + 2)
        if end < 0:
            raise broken
        yield _name(body[head.end() : end_of_head]), body[end_of_head + 4 : max(end, end_of_head + 4)]
        at = end + len(boundary)
    raise web.Refused(f"the form has more than {MOST_PARTS} fields")


def _name(head: bytes) -> str:
    for line in head.split(b"\r\n"):
        title, _, value = line.partition(b":")
        if title.strip().lower() == b"content-disposition":
            named = re.search(rb';\s*name="([^"\r\n]{1,200})"|;\s*name=([^";\s]{1,200})', value)
            if value.strip().lower().startswith(b"form-data") and named:
                return (named[1] or named[2]).decode("utf-8", "replace")
    raise web.Refused("a part of the form has no name")

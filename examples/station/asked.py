"""What a request asks for, read field by field: what is missing, unclear or unknown is refused, never guessed."""

import json
from collections.abc import Iterable

import web

NONE = object()


class Asked:
    """The fields of a body. A field that is null counts as left out."""

    def __init__(self, fields: dict) -> None:
        self._fields = {name: value for name, value in fields.items() if value is not None}
        self._known: set[str] = set()

    @classmethod
    def of_json(cls, call: web.Call) -> "Asked":
        if call.content_type.split(";")[0].strip().lower() != "application/json":
            raise web.Refused("the body is not `application/json`", status=415)
        try:
            fields = json.loads(call.body.decode("utf-8"), object_pairs_hook=_no_name_twice)
        except (ValueError, RecursionError):
            raise web.Refused("the body is not JSON, or names a field twice") from None
        if not isinstance(fields, dict):
            raise web.Refused("the body is not a JSON object")
        return cls(fields)

    def model(self, own: str) -> str:
        """The one model that the engine has."""
        if self.text("model", 200) != own:
            raise web.Refused(f"there is no such model here, only `{own}`", param="model", code="model_not_found", status=404)
        return own

    def value(self, name: str, default=NONE):
        self._known.add(name)
        if name in self._fields:
            return self._fields[name]
        if default is NONE:
            raise web.Refused(f"`{name}` is missing", param=name, code="missing_required_parameter")
        return default

    def text(self, name: str, most: int, default=NONE) -> str:
        value = self.value(name, default)
        if not isinstance(value, str) or not value.strip() and default is NONE or not is_unicode(value):
            raise web.Refused(f"`{name}` is not a text that says something", param=name)
        if len(value) > most:
            raise web.Refused(f"`{name}` is longer than {most} characters", param=name, code="string_above_max_length")
        return value

    def one_of(self, name: str, values: Iterable[str], default=NONE) -> str:
        value = self.value(name, default)
        if value not in tuple(values):
            raise web.Refused(f"`{name}` is none of {', '.join(values)}", param=name, code="invalid_value")
        return value

    def number(self, name: str, least: float, most: float, default=NONE) -> float:
        value = self.value(name, default)
        if isinstance(value, str):  # a form has texts alone
            try:
                value = float(value)
            except ValueError:
                value = None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            raise web.Refused(f"`{name}` is not a number from {least:g} to {most:g}", param=name, code="invalid_value")
        return value

    def whole(self, name: str, least: int, most: int, default=NONE) -> int:
        value = self.number(name, least, most, default)
        if value != int(value):
            raise web.Refused(f"`{name}` is not a whole number", param=name, code="invalid_value")
        return int(value)

    def moot(self, *names: str) -> None:
        """Fields that make no difference to this engine, whatever they say."""
        self._known.update(names)

    def only(self, name: str, values: tuple, why: str) -> None:
        """A field that the engine can obey in some values alone."""
        value = self.value(name, None)
        if value is not None and value not in values:
            raise web.Refused(why, param=name, code="unsupported_value")

    def end(self) -> None:
        """Refuses what nothing above has asked for."""
        for name in self._fields:
            if name not in self._known:
                raise web.Refused("the engine does not know a field of the request", param=name[:64], code="unknown_parameter")


def is_unicode(text: str) -> bool:
    """JSON can write half of a surrogate pair, which is no character."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _no_name_twice(pairs: list) -> dict:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError
    return fields

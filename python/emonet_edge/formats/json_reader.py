"""Reading untrusted JSON: strict parsing, and typed access that names the path of what is wrong."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

from emonet_edge.exceptions import ManifestError

__all__ = ["MAX_BYTES", "MAX_DEPTH", "JsonNode", "parse_json"]

MAX_BYTES = 1 << 20
"""The largest document that is parsed; a manifest of 55 heads has about 30 kB."""
MAX_DEPTH = 16
"""The deepest nesting that is accepted; a manifest has about 6 levels."""
_MAX_DIGITS = 18


def parse_json(data: bytes, what: str) -> Any:
    """Parse a JSON document, refusing what could hurt or mislead.

    Refused: more than `MAX_BYTES`, deeper than `MAX_DEPTH`, not UTF-8, NaN and infinity, integers
    of more than 18 digits, a key that stands twice in one object.

    Raises:
        ManifestError: the rule that was broken, with `what` in front.
    """
    if len(data) > MAX_BYTES:
        raise ManifestError(f"{what}: at most {MAX_BYTES} bytes are read, it has more")
    if _depth(data) > MAX_DEPTH:
        raise ManifestError(f"{what}: at most {MAX_DEPTH} levels of nesting, it has more")
    try:
        return json.loads(
            data.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_int=_parse_int,
            object_pairs_hook=_unique_keys,
        )
    except UnicodeDecodeError as error:
        raise ManifestError(
            f"{what}: must be UTF-8, but {error.reason} at byte {error.start}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{what}: must be valid JSON, but {error}") from None


def _depth(data: bytes) -> int:
    """Return the deepest nesting of brackets outside strings, in one linear pass.

    It comes before json.loads because that recurses.
    """
    depth = deepest = 0
    in_string = False
    for token in re.finditer(rb'\\.|["\[\]{}]', data, re.DOTALL):
        match token.group():
            case b'"':
                in_string = not in_string
            case b"[" | b"{" if not in_string:
                depth += 1
                deepest = max(deepest, depth)
            case b"]" | b"}" if not in_string:
                depth -= 1
    return deepest


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")


def _parse_int(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"an integer has {len(text)} digits, at most {_MAX_DIGITS} are read")
    return int(text)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(n for n in names if names.count(n) > 1)!r} stands twice")
    return found


class JsonNode:
    """A value in a JSON document and the path to it; every check names both when it fails."""

    def __init__(self, value: Any, path: str = "$") -> None:
        self.value = value
        self.path = path

    def fail(self, expected: str) -> NoReturn:
        """Raise ManifestError: expected this, found the value."""
        found = json.dumps(self.value, default=repr)
        found = found if len(found) <= 80 else found[:77] + "..."
        raise ManifestError(f"{self.path}: expected {expected}, found {found}")

    def __getitem__(self, key: str) -> JsonNode:
        self.object()
        if key not in self.value:
            raise ManifestError(f"{self.path}: expected a key {key!r}, found {_keys(self.value)}")
        return JsonNode(self.value[key], f"{self.path}.{key}")

    def items(self) -> Iterator[tuple[str, JsonNode]]:
        """Yield the keys and values of an object."""
        for key, value in self.object().items():
            yield key, JsonNode(value, f"{self.path}[{key[:80]!r}]")

    def elements(self, least: int = 0, most: int = 256) -> list[JsonNode]:
        """Return the elements of a list."""
        if not isinstance(self.value, list) or not least <= len(self.value) <= most:
            self.fail(f"a list of {least} to {most} elements")
        return [JsonNode(value, f"{self.path}[{i}]") for i, value in enumerate(self.value)]

    def object(self) -> dict[str, Any]:
        """Return an object as it is."""
        if not isinstance(self.value, dict):
            self.fail("an object")
        return self.value

    def text(self, pattern: str = r".+", expected: str = "a string that is not empty") -> str:
        """Return a string that matches a regular expression as a whole."""
        if not isinstance(self.value, str) or not re.fullmatch(pattern, self.value, re.DOTALL):
            self.fail(expected)
        return self.value

    def one_of(self, choices: Sequence[Any]) -> Any:
        """Return a value that is among the choices."""
        if not any(type(self.value) is type(c) and self.value == c for c in choices):
            self.fail(" or ".join(json.dumps(choice) for choice in choices))
        return self.value

    def boolean(self) -> bool:
        """Return true or false."""
        return bool(self.one_of((True, False)))

    def integer(self, least: int, most: int) -> int:
        """Return an integer within bounds."""
        if type(self.value) is not int or not least <= self.value <= most:
            self.fail(f"an integer from {least} to {most}")
        return self.value

    def number(self, positive: bool = False) -> float:
        """Return a finite number."""
        number = type(self.value) in (int, float) and math.isfinite(self.value)
        if not number or (positive and self.value <= 0):
            self.fail("a finite number above 0" if positive else "a finite number")
        return float(self.value)

    def optional(self, read: Callable[[JsonNode], Any]) -> Any:
        """Return None for null, and what `read` makes of it otherwise."""
        return None if self.value is None else read(self)


def _keys(value: dict[str, Any]) -> str:
    names = sorted(value)
    shown = ", ".join(repr(name[:40]) for name in names[:8]) or "none"
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown

"""A strict RFC 8259 reader that remembers what the standard library forgets.

It refuses what Python's `json` lets pass (NaN, repeated keys, lone surrogates, control
characters) and keeps numbers as their text. Repeated keys are compared after unescaping.
"""

import re

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_HEX4 = re.compile(r"[0-9a-fA-F]{4}")
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS = {"true": True, "false": False, "null": None}


class Invalid(Exception):
    """The text is no JSON."""


class DuplicateKey(Exception):
    """A key of an object came twice."""


class Number(str):
    """A JSON number by its text."""


class _Reader:
    def __init__(self, text: str):
        self.text = text
        self.at = 0

    def space(self):
        self.at = _SPACE.match(self.text, self.at).end()

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def expect(self, char: str):
        if self.peek() != char:
            raise Invalid(f"{char!r} expected at {self.at}")
        self.at += 1

    def escape(self) -> str:
        char = self.peek()
        self.at += 1
        if char in _ESCAPES:
            return _ESCAPES[char]
        if char != "u":
            raise Invalid(f"bad escape at {self.at}")
        unit = self.hex4()
        if 0xDC00 <= unit < 0xE000:
            raise Invalid(f"lone low surrogate at {self.at}")
        if 0xD800 <= unit < 0xDC00:
            if self.text[self.at : self.at + 2] != "\\u":
                raise Invalid(f"lone high surrogate at {self.at}")
            self.at += 2
            low = self.hex4()
            if not 0xDC00 <= low < 0xE000:
                raise Invalid(f"high surrogate without a low one at {self.at}")
            unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
        return chr(unit)

    def hex4(self) -> int:
        match = _HEX4.match(self.text, self.at)
        if not match:
            raise Invalid(f"four hex digits expected at {self.at}")
        self.at = match.end()
        return int(match.group(), 16)

    def string(self) -> str:
        self.expect('"')
        parts = []
        while True:
            match = _PLAIN.match(self.text, self.at)
            parts.append(match.group())
            self.at = match.end()
            char = self.peek()
            if char == '"':
                self.at += 1
                return "".join(parts)
            if char != "\\":
                raise Invalid(f"string broken at {self.at}")
            self.at += 1
            parts.append(self.escape())

    def members(self) -> dict:
        result = {}
        self.expect("{")
        self.space()
        if self.peek() == "}":
            self.at += 1
            return result
        while True:
            self.space()
            key = self.string()
            if key in result:
                raise DuplicateKey(key)
            self.space()
            self.expect(":")
            result[key] = self.value()
            self.space()
            if self.peek() == "}":
                self.at += 1
                return result
            self.expect(",")

    def elements(self) -> list:
        result = []
        self.expect("[")
        self.space()
        if self.peek() == "]":
            self.at += 1
            return result
        while True:
            result.append(self.value())
            self.space()
            if self.peek() == "]":
                self.at += 1
                return result
            self.expect(",")

    def value(self):
        self.space()
        char = self.peek()
        if char == "{":
            return self.members()
        if char == "[":
            return self.elements()
        if char == '"':
            return self.string()
        for word, meaning in _WORDS.items():
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return meaning
        match = _NUMBER.match(self.text, self.at)
        if not match:
            raise Invalid(f"no value at {self.at}")
        self.at = match.end()
        return Number(match.group())


def parse(text: str):
    """The value of `text`: dict, list, str, Number, bool or None. Invalid or DuplicateKey else."""
    reader = _Reader(text)
    result = reader.value()
    reader.space()
    if reader.at != len(text):
        raise Invalid(f"trailing bytes at {reader.at}")
    return result


def depth(record: bytes) -> int:
    """The deepest nesting of brackets outside strings, whatever else the bytes are."""
    deepest = level = 0
    in_string = escaped = False
    for byte in record:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in b"{[":
            level += 1
            deepest = max(deepest, level)
        elif byte in b"}]":
            level -= 1
    return deepest

"""An independent model of the rule language: parse an expression, evaluate it naively.

Written from the semantics page only. Every function is computed anew from the device's whole
history at every event, so it is slow and has no state that could be wrong.
"""

import math
import re
import statistics
from dataclasses import dataclass, field

UNIT_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400}
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?P<unit>us|ms|[smhd])?(?![A-Za-z_0-9])"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?)"
    r"|(?P<text>\"[^\"]*\"|'[^']*')"
    r"|(?P<op><=|>=|==|!=|=~|!~|[-+*/%<>(),=]))"
)
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=", "=~", "!~")


def tokens(text: str) -> list:
    found, at = [], 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if not match:
            raise ValueError(f"cannot read {text[at:]!r}")
        at = match.end()
        kind = match.lastgroup
        if match.group("number"):
            unit = match.group("unit")
            found.append(("number", float(match.group("number")) * (UNIT_SECONDS[unit] if unit else 1)))
        elif kind == "text":
            found.append(("text", match.group("text")[1:-1]))
        else:
            found.append((kind, match.group(kind)))
    return found + [("end", None)]


class Parser:
    """Recursive descent, one method a level of precedence, loosest first."""

    def __init__(self, text: str):
        self.tokens, self.at = tokens(text), 0

    def parse(self):
        tree = self.binary(0)
        if self.tokens[self.at][0] != "end":
            raise ValueError(f"unexpected {self.tokens[self.at]}")
        return tree

    LEVELS = [("or",), ("unless",), ("and",), COMPARISONS, ("+", "-"), ("*", "/", "%")]

    def binary(self, level: int):
        if level == len(self.LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        while self.tokens[self.at][1] in self.LEVELS[level] and self.tokens[self.at][0] != "text":
            operator = self.tokens[self.at][1]
            self.at += 1
            left = (operator, left, self.binary(level + 1))
        return left

    def unary(self):
        kind, value = self.tokens[self.at]
        if value in ("-", "not") and kind != "text":
            self.at += 1
            return ("negate" if value == "-" else "not", self.unary())
        self.at += 1
        if kind in ("number", "text"):
            return (kind, value)
        if value == "(":
            inside = self.binary(0)
            self.take(")")
            return inside
        if kind != "name":
            raise ValueError(f"unexpected {value!r}")
        if self.tokens[self.at][1] != "(":
            return ("name", value)
        self.at += 1
        arguments = []
        named = {}
        while self.tokens[self.at][1] != ")":
            if self.tokens[self.at + 1][1] == "=":
                name = self.tokens[self.at][1]
                self.at += 2
                named[name] = self.binary(0)[1]
            else:
                arguments.append(self.binary(0))
            if self.tokens[self.at][1] == ",":
                self.at += 1
        self.take(")")
        return ("call", value, arguments, named)

    def take(self, wanted: str):
        if self.tokens[self.at][1] != wanted:
            raise ValueError(f"wanted {wanted}")
        self.at += 1


@dataclass
class Seen:
    """One accepted event of a device, in log order."""

    time_us: int
    values: dict  # metric -> float or None
    in_order: bool
    status: str | None = None
    offset: int = 0


@dataclass
class History:
    device: str
    labels: dict = field(default_factory=dict)
    events: list = field(default_factory=list)


def _number(value):
    return value is not None


def evaluate(tree, history: History, index: int):
    """The value of the tree at the device's event number `index`: a float, text, bool or None."""
    kind = tree[0]
    event = history.events[index]
    if kind in ("number", "text"):
        return tree[1]
    if kind == "name":
        if tree[1] == "device_id":
            return history.device
        if tree[1] == "status":
            return event.status
        if tree[1].startswith("labels."):
            return history.labels.get(tree[1].split(".", 1)[1])
        return event.values.get(tree[1])
    if kind == "call":
        return call(tree, history, index)
    if kind == "negate":
        inside = evaluate(tree[1], history, index)
        return None if inside is None else -inside
    if kind == "not":
        inside = evaluate(tree[1], history, index)
        return None if inside is None else not inside
    left, right = evaluate(tree[1], history, index), evaluate(tree[2], history, index)
    if kind == "and":
        return _and(left, right)
    if kind == "or":
        return _not(_and(_not(left), _not(right)))
    if kind == "unless":
        return _and(left, _not(right))
    if left is None or right is None:
        return None
    return apply(kind, left, right)


def _not(value):
    return None if value is None else not value


def _and(left, right):
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def apply(operator: str, a, b):
    if operator in ("=~", "!~"):
        return bool(re.fullmatch(b, a)) == (operator == "=~")
    if operator == "+":
        return a + b
    if operator == "-":
        return a - b
    if operator == "*":
        return a * b
    if operator == "/":
        if b == 0:
            return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1, b)
        return a / b
    if operator == "%":
        return math.nan if b == 0 or math.isinf(a) else math.fmod(a, b)
    return {
        "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "==": a == b, "!=": a != b,
    }[operator]  # fmt: skip


# --- Functions ----------------------------------------------------------------------------------

MIN_SAMPLES = {"stddev": 2, "delta": 2, "rate": 2, "derivative": 2}


def window_of(history: History, index: int, tree, window_us: int) -> list:
    """(time, value) of the window (t - w, t] as of that event, by time, then arrival."""
    t = history.events[index].time_us
    inside = []
    for number in range(index + 1):
        at = history.events[number].time_us
        if t - window_us < at <= t:
            value = evaluate(tree, history, number)
            if value is not None:
                inside.append((at, number, float(value)))
    inside.sort(key=lambda reading: reading[:2])
    return [(at, value) for at, _, value in inside]


def quantile(values: list, q: float) -> float:
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _stddev(values: list) -> float:
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))


def call(tree, history: History, index: int):
    _, name, arguments, named = tree
    event = history.events[index]
    if name == "absent":
        return False
    if name in ("gap", "lag", "changed", "ewma", "consecutive"):
        return unwindowed(name, arguments, history, index)
    window_us = round(arguments[-1][1] * 1e6)
    readings = window_of(history, index, arguments[0], window_us)
    values = [value for _, value in readings]
    if name == "count_true":
        return float(sum(1 for value in values if value))
    if len(values) < named.get("min_samples", MIN_SAMPLES.get(name, 1)):
        return None
    simple = {
        "avg": lambda: math.fsum(values) / len(values), "min": lambda: min(values),
        "max": lambda: max(values), "sum": lambda: math.fsum(values), "count": lambda: float(len(values)),
        "stddev": lambda: _stddev(values), "median": lambda: quantile(values, 0.5),
        "quantile": lambda: quantile(values, arguments[1][1]),
        "delta": lambda: values[-1] - values[0],
        "changes": lambda: float(sum(1 for a, b in zip(values, values[1:]) if a != b)),
    }  # fmt: skip
    if name in simple:
        return simple[name]()
    seconds = [(at - readings[0][0]) / 1e6 for at, _ in readings]
    if name == "rate":
        return None if seconds[-1] == 0 else (values[-1] - values[0]) / seconds[-1]
    if name == "derivative":
        middle_t, middle_v = math.fsum(seconds) / len(seconds), math.fsum(values) / len(values)
        spread = math.fsum((s - middle_t) ** 2 for s in seconds)
        if spread == 0:
            return None
        return math.fsum((s - middle_t) * (v - middle_v) for s, v in zip(seconds, values)) / spread
    return score(name, evaluate(arguments[0], history, index), values)


def score(name: str, x, values: list):
    if x is None:
        return None
    others = list(values)
    others.remove(x)
    if len(others) < 10:
        return None
    if name == "zscore":
        deviation = _stddev(others)
        return None if deviation == 0 else (x - math.fsum(others) / len(others)) / deviation
    if name == "mad_score":
        middle = statistics.median(others)
        deviation = 1.4826 * statistics.median(abs(value - middle) for value in others)
        return None if deviation == 0 else (x - middle) / deviation
    raise ValueError(f"the model has no function {name}")


def unwindowed(name: str, arguments: list, history: History, index: int):
    event = history.events[index]
    if not event.in_order:
        return None
    before = [number for number in range(index) if history.events[number].in_order]
    if name == "gap":
        if not before:
            return False
        return event.time_us - history.events[before[-1]].time_us > round(arguments[0][1] * 1e6)
    if name == "consecutive":
        run = 0
        for number in reversed(before + [index]):
            if evaluate(arguments[0], history, number) is not True:
                break
            run += 1
        return run >= arguments[1][1]
    x = evaluate(arguments[0], history, index)
    past = [(history.events[number].time_us, evaluate(arguments[0], history, number)) for number in before]
    past = [(at, value) for at, value in past if value is not None]
    if name == "lag":
        return past[-1][1] if past else None
    if name == "changed":
        return None if x is None or not past else x != past[-1][1]
    readings = past + ([(event.time_us, x)] if x is not None else [])
    if not readings:
        return None
    smooth, last = readings[0][1], readings[0][0]
    half_life_us = arguments[1][1] * 1e6
    for at, value in readings[1:]:
        smooth += (1 - 2 ** (-(at - last) / half_life_us)) * (value - smooth)
        last = at
    return smooth


def is_text(tree) -> bool:
    if tree[0] == "text":
        return True
    return tree[0] == "name" and (tree[1] in ("device_id", "status") or tree[1].startswith("labels."))


def first_comparison(tree, history: History, index: int, wanted_true: bool):
    """Left side of the first true comparison of numbers (or of the first one), in text order."""
    kind = tree[0]
    if kind in COMPARISONS and not any(is_text(side) for side in tree[1:]):
        left, right = evaluate(tree[1], history, index), evaluate(tree[2], history, index)
        true = left is not None and right is not None and apply(kind, left, right)
        if true or not wanted_true:
            return (left if isinstance(left, float) else None,)
        return None
    children = tree[2] if kind == "call" else [part for part in tree[1:] if isinstance(part, tuple)]
    for child in children:
        if isinstance(child, tuple) and (found := first_comparison(child, history, index, wanted_true)):
            return found
    return None

"""Event lines to test with: good, dirty and mutated ones, each made from a seed."""

import json
import random
import re

_SEQUENCE = re.compile(rb'"seq":(\d+)')
GOOD = (
    b'{"device_id":"dev_7","timestamp":"2025-11-23T10:15:30.123456+00:00",'
    b'"temperature":31.42,"humidity":55.20,"status":"OK"}'
)


def event(device="d1", second=0, temperature=20.0, humidity=50.0, **more) -> bytes:
    """A good event `second` seconds after 2025-01-01T00:00:00Z; keyword None leaves a field out."""
    minute, rest = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    day, hour = divmod(int(hour), 24)
    seconds = f"{rest:09.6f}" if isinstance(rest, float) else f"{rest:02}"
    fields = {
        "device_id": device,
        "timestamp": f"2025-01-{day + 1:02}T{hour:02}:{int(minute):02}:{seconds}Z",
        "temperature": temperature,
        "humidity": humidity,
    } | more
    present = {name: value for name, value in fields.items() if value is not None}
    return json.dumps(present, separators=(",", ":"), ensure_ascii=False).encode()


def with_field(text: bytes) -> bytes:
    """A good event with `text` as the value of an undeclared field."""
    return GOOD[:-1] + b',"x":' + text + b"}"


# Texts that are JSON values and texts that are not, put into an undeclared field.
VALID_VALUES = [
    b"0", b"-0", b"1e5", b"1E+2", b"1e-400", b"1e400", b"-1e9999", b"123456789012345678901234567890",
    b"0.1", b"-0.0e-1", b"true", b"false", b"null", b'""', b'"\\u0000"', b'"\\ud83d\\ude00"',
    b'"\\uD83D\\uDE00"', b'"\\\\\\/\\b\\f\\n\\r\\t\\""', '"é€😀"'.encode(), b'"\x7f"', b"[]", b"{}",
    b"[1,[2,[3]]]", b'{"a":{"b":[null,true,{"c":1}]}}', b"[ ]", b"{ }", b'[ 1 , 2 ]',
    b'{"":0}', b'"\\u2028"', b"[[],{}]", b'{"a":1,"A":2}', b"\t1\r", b"-1.5E+3", b'"a/b"',
    b'{"\\u0061":1,"b":2}', "\"\ufeff\"".encode(), b"[1e400]", b'"\xef\xbf\xbf"',
]  # fmt: skip
INVALID_VALUES = [
    b"", b"01", b"-01", b"+1", b".5", b"1.", b"1.e5", b"1e", b"1e+", b"-", b"--1", b"0x10", b"1_000",
    b"NaN", b"Infinity", b"-Infinity", b"nan", b"nul", b"nullx", b"True", b"tru", b"truefalse", b"'a'",
    b'"', b'"a', b'"\\x41"', b'"\\u12"', b'"\\u12G4"', b'"\\ud800"', b'"\\udc00"', b'"\\ud800\\ud800"',
    b'"\\ud800x"', b'"\\ud800\\u0041"', b'"\\"', b'"\x01"', b'"a\tb"', b'"\x1f"', b"[1", b"[1,]", b"[,1]",
    b"[1,,2]", b"[1 2]", b'["a"', b"[1}", b'{"a"}', b'{"a":}', b'{"a":1,}', b"{a:1}", b"{1:1}",
    b'{"a":1 "b":2}', b'{"a" 1}', b"{,}", b'{"a":1', b"1 2", b"1}{", b"[]]", b"{}}", b"// c", b"/*c*/1",
    b"\x0b1", b"\xc2\xa01", b"\xef\xbb\xbf1", b"[\x0c]", b'"\\', b'"\\u', b"\\", b"undefined", b"1a",
    b"0e", b"-a", b'"a"b', b"[-]", b"[0.]", b"00", b"1eE2", b"0.3e+", b"[tru]", b'"\\a"', b'"\\ "',
]  # fmt: skip
BAD_UTF8 = [
    b"\xff", b"\x80", b"\xc3", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b"\xf8\x88\x80\x80\x80", b"\xe2\x82", b"\xf0\x9f\x98", b"\xfe", b"\xc1\x81",
]  # fmt: skip


def timestamps() -> list:
    good = [
        "2025-11-23T10:15:30Z", "2025-11-23t10:15:30z", "2025-11-23 10:15:30", "2025-11-23T10:15:30.1Z",
        "2025-11-23T10:15:30.123456789Z", "2025-11-23T10:15:30.9999999Z", "2025-11-23T10:15:30+05:30",
        "2025-11-23T10:15:30-0830", "2025-11-23T10:15:30+09", "2024-02-29T23:59:59Z", "2000-02-29T00:00:00Z",
        "1969-12-31T23:59:59.999999Z", "1900-01-01T00:00:00Z", "2025-11-23T23:30:00-23:59",
        "2025-11-23T10:15:30.000000001+00:00", "2025-11-23T10:15:30-00:00", "0001-01-01T00:00:00Z",
    ]  # fmt: skip
    bad = [
        "", "2025-11-23", "2025-11-23T10:15", "2025-11-23T10:15:60Z", "2025-11-23T24:00:00Z",
        "2025-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2025-13-01T00:00:00Z", "2025-00-10T00:00:00Z",
        "2025-11-00T00:00:00Z", "2025-04-31T00:00:00Z", "2025-11-23T10:60:30Z", "2025-11-23T10:15:30.Z",
        "2025-11-23T10:15:30.1234567890Z", "2025-11-23T10:15:30+24:00", "2025-11-23T10:15:30+05:60",
        "2025-11-23T10:15:30+5", "2025-11-23T10:15:30 Z", " 2025-11-23T10:15:30Z", "2025-11-23T10:15:30Z ",
        "25-11-23T10:15:30Z", "2025/11/23T10:15:30Z", "2025-11-23T10.15.30Z", "2025-11-23  10:15:30Z",
        "2025-11-23T10:15:30,5Z", "2025-11-23T10:15:30UTC", "1763892930", "2025-11-23T10:15:30+05:3",
        "2025-11-23T10:15:30+053", "2025-11-23T10:15:30\u00e9", "2025-1-23T10:15:30Z", "２025-11-23T10:15:30Z",
        "2025-11-23T10:15:3Z", "-025-11-23T10:15:30Z", "2025-11-23_10:15:30Z", "2025-11-23T-1:15:30Z",
    ]  # fmt: skip
    return [event(f"time_{at}", timestamp=text) for at, text in enumerate(good + bad)]


def fields() -> list:
    """Missing, null, mistyped, out of range and repeated fields, each alone."""
    result = []
    for name in ("device_id", "timestamp", "temperature", "humidity"):
        whole = json.loads(event())
        for value in (None, 5, "5", True, [], {}, ""):
            result.append(json.dumps(whole | {name: value}).encode())
        del whole[name]
        result.append(json.dumps(whole).encode())
    for value in (-50, 120, -50.0001, 120.0001, 1e308, -0.0, 119.99999999999999):
        result.append(event("range", temperature=value))
    for value in (0, 100, -0.001, 100.001, 25, 24.999, 25.001):
        result.append(event("range", humidity=value))
    for status in ("OK", "", 5, True, None, [], "ALERT"):
        result.append(json.dumps(json.loads(event()) | {"status": status}).encode())
    for device in ("é" * 128, "x" * 256, "x" * 257, "é" * 129, "a\u0000b", 'q"\\', " ", "日本"):
        result.append(event(device, temperature=20))
        result.append(json.dumps(json.loads(event(device))).encode())  # with \u escapes
    result += [
        GOOD.replace(b"31.42", b"1e400"), GOOD.replace(b"31.42", b"-1e400"), GOOD.replace(b"31.42", b"1e-400"),
        GOOD.replace(b"31.42", b"3.142e1"), GOOD.replace(b"31.42", b"31.4200000000000000000000000000001"),
        GOOD.replace(b"31.42", b"031.42"), GOOD.replace(b"31.42", b"99999999999999999999999"),
        GOOD[:-1] + b',"is_alert":false}', GOOD[:-1] + b',"reason":null}', GOOD[:-1] + b',"x":{"reason":1}}',
        GOOD[:-1] + b',"device_id":"again"}', GOOD[:-1] + b',"x":1,"x":2}', GOOD[:-1] + b',"x":{"a":1,"a":2}}',
        GOOD[:-1] + b',"x":[{"a":1},{"a":2}]}', GOOD[:-1] + b',"\\u0078":1,"x":2}',
        GOOD[:-1] + b',"d\\u0065vice_id":"again"}', GOOD.replace(b'"device_id"', b'"\\u0064evice_id"'),
        GOOD[:-1] + b',"is_\\u0061lert":1}', GOOD[:-1] + b',"Reason":1,"IS_ALERT":2}',
        b" \t" + GOOD + b" \t", GOOD[:-1] + b" }", b"{ " + GOOD[1:], GOOD + b"x", GOOD + b" x", GOOD + b"}",
        GOOD[:-1] + b',"note":"a":1}}', GOOD[:-1] + b',"note":"a":{}}}', GOOD[:-1] + b"}}", GOOD[:-1] + b"]",
        GOOD[:-1] + b',"x":1 "y":2}', GOOD[:-1] + b',"x":1,,"y":2}', GOOD[:-1] + b",}", GOOD[:-1] + b',"x"}',
        GOOD + b",", b"\xef\xbb\xbf" + GOOD, GOOD + b"\x00", GOOD + GOOD, GOOD[:-1], GOOD[1:],
        b"[]", b"{}", b"null", b"true", b"1", b'"text"', b"[" + GOOD + b"]", b"{", b"}", b"nope", b"\x00",
        b'{"device_id":"only"}', b"[1,2,3]", b"-", b"{}{}", b"[" * 16 + b"]" * 16, b"[" * 17 + b"]" * 17,
        GOOD[:-1] + b',"x":' + b"[" * 15 + b"]" * 15 + b"}", GOOD[:-1] + b',"x":' + b"[" * 16 + b"]" * 16 + b"}",
        GOOD[:-1] + b',"x":"' + b"[" * 40 + b'"}', b"[" * 50000,
        event(**{f"f{n}": n for n in range(60)}), event(**{f"f{n}": n for n in range(61)}),
    ]  # fmt: skip
    return result


def sized(size: int) -> bytes:
    """A good event of exactly `size` bytes."""
    head = GOOD[:-1] + b',"pad":"'
    return head + b"x" * (size - len(head) - 2) + b'"}'


def dirty() -> list:
    """Every hand-made line, good ones between them."""
    lines = [with_field(text) for text in VALID_VALUES + INVALID_VALUES]
    lines += [with_field(b'"' + text + b'"') for text in BAD_UTF8] + BAD_UTF8
    lines += timestamps() + fields() + [sized(65535), sized(65536)]
    return [line for line in lines if line.strip(b" \t\r") and b"\n" not in line]


def mutated(count: int, seed: int) -> list:
    """Good lines with a few bytes flipped, taken out, doubled or swapped."""
    rng = random.Random(seed)
    alphabet = b'{}[]",:\\ \t0123456789+-.eEtruefalsn\x00\x1f\x7f\x80\xc3\xa9\xff/ux_TZ'
    result = []
    while len(result) < count:
        line = bytearray(event(
            f"m{rng.randrange(20)}", rng.randrange(86400), round(rng.uniform(-60, 130), 2),
            round(rng.uniform(-5, 105), 2), status="OK", note="é\n", nested={"a": [1, {"b": None}]},
        ))  # fmt: skip
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(line))
            kind = rng.randrange(4)
            if kind == 0:
                line[at] = rng.choice(alphabet)
            elif kind == 1:
                del line[at : at + rng.randrange(1, 6)]
            elif kind == 2:
                line.insert(at, rng.choice(alphabet))
            else:
                line[at:at] = line[at : at + rng.randrange(1, 12)]
        clean = bytes(line).replace(b"\n", b"").rstrip(b"\r")
        if clean.strip(b" \t\r"):
            result.append(clean)
    return result


def fleet(count: int, seed: int, devices: int = 12) -> list:
    """Good events of several devices whose alerts come and go, some out of order or repeated."""
    rng = random.Random(seed)
    heat = [rng.uniform(40, 55) for _ in range(devices)]
    result = []
    for number in range(count):
        device = rng.randrange(devices)
        heat[device] = min(60.0, max(35.0, heat[device] + rng.gauss(0, 2)))
        second = number if rng.random() > 0.05 else max(0, number - rng.randrange(300))
        result.append(event(f"dev_{device}", second, round(heat[device], 2),
                            round(rng.uniform(15, 60), 2), status="OK", seq=number))  # fmt: skip
    return result


class Feed:
    """Numbered events of a small fleet; every twentieth is broken in one of four ways."""

    def __init__(self, rng: random.Random):
        self._rng = rng
        self._heat = [rng.uniform(44, 56) for _ in range(12)]
        self.lines = []  # by sequence number

    def take(self, count: int) -> list:
        return [self._next() for _ in range(count)]

    def _next(self) -> bytes:
        number, rng = len(self.lines), self._rng
        device = rng.randrange(len(self._heat))
        self._heat[device] = min(60.0, max(40.0, self._heat[device] + rng.gauss(0, 2)))
        line = event(f"dev_{device}", number, round(self._heat[device], 2),
                     round(rng.uniform(18, 60), 2), status="OK", seq=number)  # fmt: skip
        if rng.random() < 0.05:
            line = rng.choice([
                line[:-1], line.replace(b'"temperature":', b'"temperature":9'), b"\xff" + line,
                line.replace(b'"humidity"', b'"humidty"'),
            ])  # fmt: skip
        self.lines.append(line)
        return line


def sequence_of(value: bytes) -> int:
    return int(_SEQUENCE.search(value).group(1))

"""An independent model of the contract: what must happen to each record.

Written from the specification only, as plainly as possible, and slow. It judges raw records,
follows each device's alerts and builds the hourly table; the tests compare the program with it.
"""

import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import strict_json
from hashes import short_hash

REASONS = [
    "invalid_utf8", "invalid_json", "missing_field", "wrong_type", "bad_timestamp", "out_of_range",
    "future_timestamp", "late", "duplicate_key", "too_large", "processing_error",
]  # fmt: skip
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]{1,9}))?(?:[Zz]|([+-])([0-9]{2})(?::?([0-9]{2}))?)?"
)
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
JSON_SPACE = b" \t\n\r"
HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class Metric:
    name: str
    low: float
    high: float
    required: bool = True
    is_bool: bool = False


DEFAULT_METRICS = (Metric("temperature", -50, 120), Metric("humidity", 0, 100))


@dataclass
class Config:
    metrics: tuple = DEFAULT_METRICS
    temp_alert_threshold: float = 50
    humidity_alert_threshold: float = 25
    allowed_lateness_us: int = 0
    max_clock_skew_us: int = 300_000_000
    dedup_window_us: int = 0
    alert_mode: str = "transitions"
    max_bytes: int = 64 * 1024
    max_depth: int = 16
    max_fields: int = 64

    def rules(self):
        """(name, flag column, metric index, condition) of the rules in force, in their order."""
        names = [metric.name for metric in self.metrics]
        result = []
        if "temperature" in names:
            hot = self.temp_alert_threshold
            at = names.index("temperature")
            result.append(("temperature_high", "is_temp_alert", at, lambda v: v >= hot))
        if "humidity" in names:
            dry = self.humidity_alert_threshold
            at = names.index("humidity")
            result.append(("humidity_low", "is_humidity_alert", at, lambda v: v <= dry))
        return result


@dataclass
class Event:
    device: str
    time_us: int
    values: list  # float or None, one a declared metric
    status: str | None
    body: bytes  # the object without white space around it


def days_from_civil(year: int, month: int, day: int) -> int:
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468


def parse_time(text: str) -> int | None:
    """Microseconds since 1970 of an event's timestamp, or None."""
    match = _TIME.fullmatch(text)
    if not match:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, sign, zone_hour, zone_minute = match.groups()[6:]
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= month <= 12 or not 1 <= day <= _DAYS[month - 1] + (month == 2 and leap):
        return None
    if hour > 23 or minute > 59 or second > 59:
        return None
    offset = 0
    if sign:
        if int(zone_hour) > 23 or int(zone_minute or 0) > 59:
            return None
        offset = (int(zone_hour) * 60 + int(zone_minute or 0)) * (1 if sign == "+" else -1)
    seconds = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second
    micros = int(((fraction or "") + "000000")[:6])
    return (seconds - offset * 60) * 1_000_000 + micros


def format_time(time_us: int) -> str:
    seconds, micros = divmod(time_us, 1_000_000)
    days, second_of_day = divmod(seconds, 86400)
    days += 719468
    era, day_of_era = divmod(days, 146097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + (3 if shifted < 10 else -9)
    year = year_of_era + era * 400 + (month <= 2)
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    hour, rest = divmod(second_of_day, 3600)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{rest // 60:02}:{rest % 60:02}.{micros:06}Z"


def judge(record: bytes, config: Config):
    """The Event of a record, or the name of its reject reason (all but the time checks)."""
    if len(record) > config.max_bytes or strict_json.depth(record) > config.max_depth:
        return "too_large"
    try:
        text = record.decode("utf-8")
    except UnicodeDecodeError:
        return "invalid_utf8"
    try:
        value = strict_json.parse(text)
    except strict_json.DuplicateKey:
        return "duplicate_key"
    except strict_json.Invalid:
        return "invalid_json"
    if not isinstance(value, dict):
        return "wrong_type"
    if len(value) > config.max_fields:
        return "too_large"
    if "is_alert" in value or "reason" in value:
        return "duplicate_key"
    return _judge_fields(value, record.strip(JSON_SPACE), config)


def _judge_fields(value: dict, body: bytes, config: Config):
    device, stamp, status = (value.get(name) for name in ("device_id", "timestamp", "status"))
    fields = [value.get(metric.name) for metric in config.metrics]
    if device is None or stamp is None:
        return "missing_field"
    if any(m.required and given is None for m, given in zip(config.metrics, fields)):
        return "missing_field"
    if not _is_text(device) or not 1 <= len(device.encode()) <= 256 or not _is_text(stamp):
        return "wrong_type"
    if status is not None and not _is_text(status):
        return "wrong_type"
    for metric, given in zip(config.metrics, fields):
        wanted = bool if metric.is_bool else strict_json.Number
        if given is not None and not isinstance(given, wanted):
            return "wrong_type"
    time_us = parse_time(stamp)
    if time_us is None:
        return "bad_timestamp"
    values = [None if given is None else float(given) for given in fields]
    for metric, number in zip(config.metrics, values):
        if number is not None and not (math.isfinite(number) and metric.low <= number <= metric.high):
            return "out_of_range"
    return Event(device, time_us, values, status, body)


def _is_text(value) -> bool:
    return isinstance(value, str) and not isinstance(value, strict_json.Number)


def conditions(event: Event, config: Config) -> list:
    """Names of the rules that hold for the event, in rule order."""
    return [
        name
        for name, _, at, holds in config.rules()
        if event.values[at] is not None and holds(event.values[at])
    ]


def processed_bytes(event: Event, names: list) -> bytes:
    reason = f'"{",".join(names)}"' if names else "null"
    tail = f',"is_alert":{"true" if names else "false"},"reason":{reason}}}'
    return event.body[:-1] + tail.encode()


def alert_id(rule: str, device: str, starts_at_us: int, episode: int = 1) -> str:
    text = f"{rule}\0{device}\0{starts_at_us}" + (f"\0{episode}" if episode > 1 else "")
    return short_hash(text.encode())


def fingerprint(rule: str, device: str) -> str:
    return short_hash(f"{rule}\0{device}".encode())


@dataclass
class _Instance:
    firing: bool = False
    starts_at: int | None = None
    episode: int = 1
    count: int = 0


@dataclass
class _Device:
    clock: int | None = None
    instances: dict = field(default_factory=lambda: defaultdict(_Instance))
    times: set = field(default_factory=set)


@dataclass
class Record:
    """A record as `topic dump --with-metadata` shows it, with its value as bytes."""

    topic: str
    partition: int
    offset: int
    key: str | None
    timestamp_ms: int
    headers: dict
    value: bytes


class StreamModel:
    """What `process` must write for one partition's records of iot.raw, in their order."""

    def __init__(self, config: Config):
        self.config = config
        self.processed = []  # (key, value)
        self.alerts = []  # dicts without the fields that depend on the run
        self.dlq = []  # (reason, value, source offset)
        self.duplicates = 0
        self.firing = self.resolved = 0
        self._devices = defaultdict(_Device)

    def feed(self, record: Record):
        event = judge(record.value, self.config)
        if isinstance(event, str):
            self.dlq.append((event, record.value, record.offset))
            return
        device = self._devices[event.device]
        late = self._time_reason(event, device, record)
        if late:
            self.dlq.append((late, record.value, record.offset))
            return
        if self._repeated(event, device):
            self.duplicates += 1
            return
        names = conditions(event, self.config)
        self.processed.append((event.device, processed_bytes(event, names)))
        if self.config.alert_mode == "every_event":
            if names:
                self.alerts.append({"device_id": event.device, "reason": ",".join(names),
                                    "timestamp": format_time(event.time_us)})  # fmt: skip
        elif device.clock is None or event.time_us >= device.clock:
            self._transitions(event, device, names, record)
        device.clock = event.time_us if device.clock is None else max(device.clock, event.time_us)

    def _time_reason(self, event, device, record):
        skew, lateness = self.config.max_clock_skew_us, self.config.allowed_lateness_us
        if skew and event.time_us > record.timestamp_ms * 1000 + skew:
            return "future_timestamp"
        if lateness and device.clock is not None and event.time_us < device.clock - lateness:
            return "late"
        return None

    def _repeated(self, event, device) -> bool:
        window = self.config.dedup_window_us
        if not window:
            return False
        clock = event.time_us if device.clock is None else max(device.clock, event.time_us)
        device.times = {time for time in device.times if time >= clock - window}
        if event.time_us in device.times:
            return True
        device.times.add(event.time_us)
        return False

    def _transitions(self, event, device, names, record):
        for rule, _, at, _ in self.config.rules():
            state = device.instances[rule]
            if rule in names:
                if state.firing:
                    state.count += 1
                    continue
                state.episode = state.episode + 1 if state.starts_at == event.time_us else 1
                state.firing, state.starts_at, state.count = True, event.time_us, 1
            elif not state.firing:
                continue
            else:
                state.firing = False
            self.firing += state.firing
            self.resolved += not state.firing
            self.alerts.append(self._alert(event, rule, state, event.values[at], record))

    def _alert(self, event, rule, state, value, record) -> dict:
        alert = {
            "id": alert_id(rule, event.device, state.starts_at, state.episode),
            "fingerprint": fingerprint(rule, event.device),
            "rule": rule,
            "severity": "warning",
            "state": "firing" if state.firing else "resolved",
            "device_id": event.device,
            "timestamp": format_time(event.time_us),
        }
        for metric, number in zip(self.config.metrics, event.values):
            if number is not None:
                alert[metric.name] = number
        alert |= {
            "status": "ALERT" if state.firing else "OK",
            "reason": rule,
            "starts_at": format_time(state.starts_at),
            "ends_at": None if state.firing else format_time(event.time_us),
            "event_count": state.count,
            "labels": {},
            "annotations": {},
            "active_at": format_time(state.starts_at),
            "value": value,
            "source": {"topic": record.topic, "partition": record.partition, "offset": record.offset},
        }
        return alert


class BatchModel:
    """What `batch` must make of lines in input order (line ends already taken off)."""

    def __init__(self, config: Config):
        self.config = config
        self.rows_read = self.blank_lines = self.duplicates = 0
        self.rejected = Counter()
        self.rejects = []  # (line number, reason, bytes)
        self.rows = {}  # (device bytes, time) -> Event
        self._line = 0

    def feed(self, line: bytes):
        self._line += 1
        if not line.strip(b" \t\r"):
            self.blank_lines += 1
            return
        self.rows_read += 1
        event = judge(line, self.config)
        if isinstance(event, str):
            self.rejected[event] += 1
            self.rejects.append((self._line, event, line))
        elif (event.device.encode(), event.time_us) in self.rows:
            self.duplicates += 1
        else:
            self.rows[event.device.encode(), event.time_us] = event

    def feed_file(self, content: bytes):
        for line in lines_of(content):
            self.feed(line)

    def cleansed(self) -> list:
        """Rows as dicts in the order of the table."""
        result = []
        for key in sorted(self.rows):
            event = self.rows[key]
            names = conditions(event, self.config)
            row = {"device_id": event.device, "timestamp": event.time_us}
            for metric, number in zip(self.config.metrics, event.values):
                row[metric.name] = number
            row["status"] = event.status
            for name, column, _, _ in self.config.rules():
                row[column] = name in names
            row["is_alert"] = bool(names)
            result.append(row)
        return result

    def aggregates(self) -> list:
        groups = defaultdict(list)
        for row in self.cleansed():
            hour = row["timestamp"] // HOUR_US * HOUR_US
            groups[row["device_id"].encode(), hour].append(row)
        result = []
        for (device, hour), rows in sorted(groups.items()):
            total = {"device_id": device.decode(), "hour_bucket": hour}
            for metric in self.config.metrics:
                numbers = [row[metric.name] for row in rows if row[metric.name] is not None]
                total[f"{metric.name}_avg"] = math.fsum(numbers) / len(numbers) if numbers else None
                total[f"{metric.name}_max"] = max(numbers, default=None)
                total[f"{metric.name}_min"] = min(numbers, default=None)
            total["alert_count"] = sum(row["is_alert"] for row in rows)
            total["event_count"] = len(rows)
            result.append(total)
        return result


def lines_of(content: bytes) -> list:
    """Lines without their end: one LF and one CR before it. No line after a final LF."""
    lines = content.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return [line[:-1] if line.endswith(b"\r") else line for line in lines]

"""Holds what the program wrote against the model, record by record."""

import json
from collections import Counter

from hashes import partition_of
from oracle import REASONS, Config, StreamModel

ALERT_FIELDS = ["id", "fingerprint", "rule", "severity", "state", "device_id", "timestamp"]
ALERT_TAIL = ["status", "reason", "starts_at", "ends_at", "event_count", "labels", "annotations"]


def first_difference(wanted: list, got: list) -> str | None:
    for at, (one, other) in enumerate(zip(wanted, got)):
        if one != other:
            return f"record {at}:\n  wanted {one!r}\n  got    {other!r}"
    if len(wanted) != len(got):
        extra = (wanted if len(wanted) > len(got) else got)[min(len(wanted), len(got))]
        side = "missing" if len(wanted) > len(got) else "too many"
        return f"wanted {len(wanted)} records, got {len(got)}; first {side}: {extra!r}"
    return None


def check_equal(what: str, wanted: list, got: list):
    difference = first_difference(wanted, got)
    if difference:
        raise AssertionError(f"{what}: {difference}")


def comparable_alert(value: bytes, metrics) -> dict:
    """An alert as the model makes it: fields of the run taken off, null metrics left out."""
    alert = json.loads(value)
    order = [name for name in alert if name in ALERT_FIELDS + ALERT_TAIL]
    if order != ALERT_FIELDS + ALERT_TAIL:
        raise AssertionError(f"alert fields missing or out of order: {value!r}")
    if not isinstance(alert.pop("rule_version"), str):
        raise AssertionError(f"rule_version is no text: {value!r}")
    for name in ("latency_ms", "active_offset", "flapping", "explain"):
        alert.pop(name, None)
    for metric in metrics:
        if metric.name in alert and alert[metric.name] is None:
            del alert[metric.name]
        elif metric.is_bool and metric.name in alert:
            alert[metric.name] = float(alert[metric.name])
    return alert


def dead_letter(record) -> tuple:
    """(reason, value, source offset) of a record of iot.dlq; its headers are checked."""
    headers = record.headers
    if headers["tocsin.reason"] not in REASONS or not headers["tocsin.message"]:
        raise AssertionError(f"bad dead-letter headers: {headers}")
    if headers["__connect.errors.exception.message"] != headers["tocsin.message"]:
        raise AssertionError(f"the two messages differ: {headers}")
    return headers["tocsin.reason"], record.value, int(headers["__connect.errors.offset"])


def check_stream(workspace, config: Config = Config(), raw_topic="iot.raw") -> dict:
    """Compares every partition of the three output topics with the model. Returns the totals."""
    raw = workspace.dump_partitions(raw_topic)
    processed = workspace.dump_partitions("iot.processed")
    alerts = workspace.dump_partitions("iot.alerts")
    letters = workspace.dump_partitions("iot.dlq")
    partitions = workspace.partitions(raw_topic)
    sources = {record.topic for records in raw.values() for record in records}
    totals = Counter(read=sum(map(len, raw.values())))
    dlq = Counter()
    for partition in range(partitions):
        model = StreamModel(config)
        for record in raw[partition]:
            if record.key is not None and partition_of(record.key.encode(), partitions) != partition:
                raise AssertionError(f"{record.key!r} is in partition {partition}, murmur2 says other")
            model.feed(record)
        where = f"partition {partition}"
        got = [(record.key, record.value) for record in processed[partition]]
        check_equal(f"iot.processed {where}", model.processed, got)
        got = [dead_letter(r) for r in letters[partition] if not is_framed(r)]
        check_equal(f"iot.dlq {where}", model.dlq, got)
        check_alerts(f"iot.alerts {where}", model, alerts[partition])
        for record in letters[partition]:
            if not is_framed(record) and (
                record.headers["__connect.errors.topic"] not in sources
                or int(record.headers["__connect.errors.partition"]) != partition
            ):
                raise AssertionError(f"dead letter points elsewhere: {record.headers}")
        totals.update(processed=len(model.processed), duplicates=model.duplicates,
                      alerts=len(model.alerts), firing=model.firing, resolved=model.resolved)  # fmt: skip
        dlq.update(reason for reason, _, _ in model.dlq)
    return dict(totals) | {"dlq": dict(dlq)}


def check_alerts(what: str, model: StreamModel, records: list):
    if model.config.alert_mode == "every_event":
        got = [json.loads(record.value) for record in records]
        names = ("device_id", "reason", "timestamp")
        check_equal(what, model.alerts, [{name: alert[name] for name in names} for alert in got])
        return
    got = [comparable_alert(record.value, model.config.metrics) for record in records]
    check_equal(what, model.alerts, got)
    for record, alert in zip(records, got):
        if record.key != alert["device_id"]:
            raise AssertionError(f"{what}: key {record.key!r} is not the device {alert['device_id']!r}")


def is_framed(record) -> bool:
    """True for a dead letter that never entered the raw topic."""
    return int(record.headers["__connect.errors.offset"]) < 0


def topics(workspace) -> list:
    return workspace.json("topic", "ls")


def check_balance(report: dict):
    """read = processed + dead letters + duplicates, with every reason present."""
    if sorted(report["dlq"]) != sorted(REASONS):
        raise AssertionError(f"reasons of the report: {sorted(report['dlq'])}")
    if report["read"] != report["processed"] + sum(report["dlq"].values()) + report["duplicates"]:
        raise AssertionError(f"the balance does not add up: {report}")

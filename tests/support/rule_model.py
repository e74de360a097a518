"""An independent model of the alert lifecycle: which records a rule file makes of the events.

Written from the semantics page only. Time-driven rules (absent, tumbling_*, no_data) are not part
of it; they have tests of their own.
"""

from dataclasses import dataclass, field

import oracle
import rule_language
from rule_language import History, Parser, Seen

LEVEL_ORDER = {"info": 1, "warning": 2, "critical": 3}


@dataclass
class Rule:
    name: str
    levels: list  # (severity, tree), ascending
    clear: tuple | None = None
    for_us: int = 0
    keep_us: int = 0

    @staticmethod
    def of(alert: dict) -> "Rule":
        """From a rule as it stands in the file."""
        levels = alert.get("levels") or {alert.get("severity", "warning"): alert["expr"]}
        ordered = sorted(levels.items(), key=lambda item: LEVEL_ORDER[item[0]])
        clear = alert.get("clear_expr")
        return Rule(
            alert["alert"], [(severity, Parser(text).parse()) for severity, text in ordered],
            Parser(clear).parse() if clear else None,
            _micros(alert.get("for", "0s")), _micros(alert.get("keep_firing_for", "0s")),
        )  # fmt: skip


def _micros(text: str) -> int:
    return round(Parser(text).parse()[1] * 1e6)


@dataclass
class Instance:
    phase: str = "inactive"
    level: int = 0
    active_at: int = 0
    starts_at: int = -1
    recovering_at: int = 0
    episode: int = 0
    count: int = 0


@dataclass
class Model:
    rules: list
    metrics: tuple = oracle.DEFAULT_METRICS
    labels: dict = field(default_factory=dict)  # device -> labels
    histories: dict = field(default_factory=dict)
    instances: dict = field(default_factory=dict)
    records: list = field(default_factory=list)

    def take(self, device: str, time_us: int, values: dict, status=None) -> list:
        """One accepted event; the names of the rules whose condition holds."""
        history = self.histories.setdefault(device, History(device, self.labels.get(device, {})))
        clock = max((event.time_us for event in history.events), default=-(1 << 63))
        in_order = time_us >= clock
        history.events.append(Seen(time_us, values, in_order, status))
        index = len(history.events) - 1
        names = []
        for rule in self.rules:
            level = max((number for number, (_, tree) in enumerate(rule.levels, 1)
                         if rule_language.evaluate(tree, history, index) is True), default=0)  # fmt: skip
            if level:
                names.append(rule.name)
            if in_order:
                clear = rule.clear is not None and rule_language.evaluate(rule.clear, history, index) is True
                self.advance(rule, history, index, level, clear)
        return names

    def advance(self, rule: Rule, history: History, index: int, level: int, clear: bool):
        at = self.instances.setdefault((rule.name, history.device), Instance())
        t = history.events[index].time_us
        if level:
            if at.phase == "inactive":
                at.phase, at.active_at, at.count = "pending", t, 0
            at.count += 1
        elif at.phase == "pending":
            at.phase = "inactive"
        if at.phase == "pending" and t >= at.active_at + rule.for_us:
            at.episode = at.episode + 1 if at.starts_at == t else 1
            at.phase, at.starts_at, at.level = "firing", t, level
            self.write(rule, history, index, at, "firing", level)
            return
        ended = clear if rule.clear is not None else not level
        if at.phase == "recovering":
            if level and not clear:
                at.phase = "firing"
            elif t >= at.recovering_at + rule.keep_us:
                self.resolve(rule, history, index, at)
                return
        elif at.phase == "firing" and ended:
            if rule.keep_us == 0:
                self.resolve(rule, history, index, at)
                return
            at.phase, at.recovering_at = "recovering", t
        if at.phase == "firing" and level and level != at.level:
            at.level = level
            self.write(rule, history, index, at, "firing", level)

    def resolve(self, rule: Rule, history: History, index: int, at: Instance):
        self.write(rule, history, index, at, "resolved", 0)
        at.phase = "inactive"

    def write(self, rule: Rule, history: History, index: int, at: Instance, state: str, level: int):
        t = history.events[index].time_us
        severity, tree = rule.levels[at.level - 1]
        found = rule_language.first_comparison(tree, history, index, level > 0)
        self.records.append({
            "id": oracle.alert_id(rule.name, history.device, at.starts_at, at.episode),
            "fingerprint": oracle.fingerprint(rule.name, history.device),
            "rule": rule.name, "severity": severity, "state": state, "device_id": history.device,
            "timestamp": oracle.format_time(t), "starts_at": oracle.format_time(at.starts_at),
            "ends_at": None if state == "firing" else oracle.format_time(t),
            "active_at": oracle.format_time(at.active_at), "event_count": at.count,
            "value": found[0] if found else None,
        })  # fmt: skip

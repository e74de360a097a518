#!/usr/bin/env python3
"""The Grafana dashboards as code: writes dashboards/*.json (--check: only says whether they are fresh).

One line a panel; the layout follows from the order. The metrics are those of docs/reference/metrics.md.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = {"type": "prometheus", "uid": "${source}"}
ON = '{instance=~"$instance"}'
WIDTH = 24


def rate(metric: str, by: str = "instance") -> str:
    return f"sum by ({by}) (rate({metric}{ON}[$__rate_interval]))"


def panel(title: str, kind: str, width: int, unit: str, queries: list, description: str = "") -> dict:
    options = {
        "stat": {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "none", "graphMode": "area"},
        "timeseries": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}},
    }[kind]
    custom = {"fillOpacity": 8, "lineWidth": 1, "showPoints": "never", "spanNulls": False} if kind == "timeseries" else {}
    return {
        "title": title, "description": description, "type": kind, "datasource": SOURCE, "options": options,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0, "custom": custom}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + i), "datasource": SOURCE, "expr": expr, "legendFormat": legend}
            for i, (expr, legend) in enumerate(queries)
        ],
        "gridPos": {"w": width, "h": 4 if kind == "stat" else 8},
    }  # fmt: skip


def stat(title: str, unit: str, expr: str, description: str = "") -> dict:
    return panel(title, "stat", 4, unit, [(expr, "")], description)


def chart(title: str, unit: str, *queries: tuple, width: int = 12, description: str = "") -> dict:
    return panel(title, "timeseries", width, unit, list(queries), description)


def row(title: str) -> dict:
    return {"title": title, "type": "row", "collapsed": False, "panels": [], "gridPos": {"w": WIDTH, "h": 1}}


def placed(panels: list) -> list:
    """Panels in reading order, each with its place and number."""
    x = y = line = 0
    for number, item in enumerate(panels, 1):
        place = item["gridPos"]
        if x + place["w"] > WIDTH:
            x, y, line = 0, y + line, 0
        place |= {"x": x, "y": y}
        x, line = x + place["w"], max(line, place["h"])
        item["id"] = number
    return panels


def dashboard(uid: str, title: str, panels: list) -> dict:
    return {
        "uid": uid, "title": title, "tags": ["tocsin"], "timezone": "browser", "schemaVersion": 38, "version": 1,
        "editable": False, "refresh": "15s", "time": {"from": "now-3h", "to": "now"}, "graphTooltip": 1,
        "templating": {"list": [
            {"name": "source", "label": "Data source", "type": "datasource", "query": "prometheus", "current": {}},
            {"name": "instance", "label": "Instance", "type": "query", "datasource": SOURCE, "multi": True, "includeAll": True,
             "query": "label_values(tocsin_log_commits_total, instance)", "refresh": 2, "current": {"text": "All", "value": "$__all"}},
        ]},
        "panels": placed(panels),
    }  # fmt: skip


PIPELINE = dashboard("tocsin-pipeline", "Tocsin: pipeline", [
    stat("Processed", "ops", f"sum(rate(tocsin_process_good_events_total{ON}[$__rate_interval]))"),
    stat("Lag", "short", f"sum(tocsin_process_lag_records{ON})", "Readings that wait for the processor"),
    stat("Alerts firing", "short", f"sum(tocsin_process_alerts_firing{ON})"),
    stat("Dead letters in the range", "short", f"sum(increase(tocsin_process_dead_letters_total{ON}[$__range]))"),
    stat("Silent devices", "short", f"sum(tocsin_fleet_silent{ON})"),
    stat("Rules in force", "short", f"max(tocsin_rules_loaded{ON})"),
    row("Readings"),
    chart("Where readings come from", "ops", (rate("tocsin_generate_events_total"), "generator {{instance}}"),
          (rate("tocsin_ingest_events_total"), "ingest {{instance}}"), (rate("tocsin_http_events_total"), "http {{instance}}")),
    chart("What becomes of them", "ops", (rate("tocsin_process_read_events_total"), "read {{instance}}"),
          (rate("tocsin_process_good_events_total"), "processed {{instance}}"),
          (rate("tocsin_process_duplicate_events_total"), "duplicates {{instance}}"),
          (rate("tocsin_process_dead_letters_total"), "dead letters {{instance}}")),
    chart("Lag", "short", (f"tocsin_process_lag_records{ON}", "{{instance}}")),
    chart("Dead letters by reason", "ops", (rate("tocsin_process_dead_letters_total", "reason"), "{{reason}}")),
    row("Alerts"),
    chart("Alert transitions", "ops", (rate("tocsin_process_alert_transitions_total", "state"), "{{state}}")),
    chart("Alerts firing", "short", (f"tocsin_process_alerts_firing{ON}", "{{instance}}")),
    row("Log and batch"),
    chart("Appended", "Bps", (rate("tocsin_log_appended_bytes_total"), "{{instance}}"), width=8),
    chart("Commits", "ops", (rate("tocsin_log_commits_total"), "{{instance}}"), width=8),
    chart("Batch rows", "ops", (rate("tocsin_batch_rows_total"), "{{instance}}"), width=8),
])  # fmt: skip

DELIVERY = dashboard("tocsin-delivery", "Tocsin: delivery and server", [
    stat("Open deliveries", "short", f"sum(tocsin_notify_open_deliveries{ON})"),
    stat("Given up in the range", "short", f"sum(increase(tocsin_notify_dead_total{ON}[$__range]))"),
    stat("Breakers open", "short", f"sum(tocsin_channel_breakers_open{ON})"),
    stat("Channels ended", "short", f"sum(tocsin_channel_disabled_channels{ON})"),
    stat("Outbox", "bytes", f"sum(tocsin_notify_outbox_bytes{ON})"),
    stat("Live readers", "short", f"sum(tocsin_http_live_clients{ON})"),
    row("Messages to people"),
    chart("Attempts by outcome", "ops", (rate("tocsin_notify_attempts_total", "outcome"), "{{outcome}}")),
    chart("Deliveries that ended", "ops", (rate("tocsin_channel_deliveries_total", "kind, result"), "{{kind}} {{result}}")),
    chart("Time of an attempt, mean", "µs",
          (f'{rate("tocsin_channel_attempt_microseconds_total", "kind")} / {rate("tocsin_channel_attempts_total", "kind")}', "{{kind}}")),
    chart("Time from queue to delivery, mean", "µs",
          (f'{rate("tocsin_channel_delivery_microseconds_total", "kind")} / '
           f'sum by (kind) (rate(tocsin_channel_deliveries_total{{instance=~"$instance",result="done"}}[$__rate_interval]))', "{{kind}}")),
    chart("Queued by kind", "short", (f"sum by (kind) (tocsin_channel_queued_deliveries{ON})", "{{kind}}")),
    chart("Notifications", "ops", (rate("tocsin_notify_notifications_total"), "decided {{instance}}"),
          (rate("tocsin_notify_queued_total"), "queued {{instance}}"), (rate("tocsin_notify_left_out_total"), "left out {{instance}}")),
    row("HTTP server"),
    chart("Requests by status", "ops", (rate("tocsin_http_requests_total", "status"), "{{status}}")),
    chart("Connections", "short", (f"tocsin_http_connections{ON}", "all {{instance}}"), (f"tocsin_http_live_clients{ON}", "live {{instance}}")),
    chart("Turned away", "ops", (rate("tocsin_http_refused_total"), "refused {{instance}}"),
          (rate("tocsin_http_rejected_events_total"), "readings that were wrong {{instance}}")),
    chart("Live frames", "ops", (rate("tocsin_http_live_frames_total"), "encoded {{instance}}"),
          (rate("tocsin_http_live_skipped_frames_total"), "skipped {{instance}}"),
          (rate("tocsin_http_live_dropped_clients_total"), "readers cut off {{instance}}")),
])  # fmt: skip


def main() -> int:
    stale = []
    for made in (PIPELINE, DELIVERY):
        path = HERE / "dashboards" / f"{made['uid']}.json"
        text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
        if "--check" in sys.argv:
            if not path.exists() or path.read_text() != text:
                stale.append(path.name)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    if stale:
        print(f"not fresh: {', '.join(stale)}; run deploy/grafana/make_dashboards.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())

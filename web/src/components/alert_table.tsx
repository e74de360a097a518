// Alerts as a table; a row's button opens the alert's drawer.
import type { Alert } from "../api/types";
import { serverNow } from "../state/live";
import { zone } from "../state/settings";
import { useStore } from "../state/store";
import { setParams } from "../state/location";
import type { Sheet } from "../text/export";
import { ago, instant, measure, span, words } from "../text/format";
import { Badge, SeverityBadge, StateBadge } from "./badge";
import { DeviceLink } from "./device_name";
import { Table, type Column } from "./table";

export function openAlert(alert: Alert): void {
  setParams({ alert: alert.id });
}

export function alertSheet(alerts: Alert[], name: string): Sheet {
  return {
    name,
    columns: ["id", "rule", "severity", "state", "device_id", "starts_at", "ends_at", "value", "event_count"],
    rows: alerts.map((a) => [a.id, a.rule, a.severity, a.state, a.device_id, a.starts_at, a.ends_at, a.value, a.event_count]),
  };
}

/** What keeps an alert from being told, or null. */
export function QuietBadge({ alert }: { alert: Alert }) {
  if (alert.state !== "firing") return null;
  if (alert.silenced_by) return <Badge tone="quiet" text="Silenced" />;
  if (alert.inhibited) return <Badge tone="quiet" text="Inhibited" />;
  return alert.muted ? <Badge tone="quiet" text="Muted" /> : null;
}

export function AlertTable({ alerts, caption, withDevice = true }: { alerts: Alert[]; caption: string; withDevice?: boolean }) {
  const utc = useStore(zone) === "utc";
  const now = serverNow();
  const columns: Column<Alert>[] = [
    {
      key: "rule", title: "Rule", head: true,
      cell: (a) => (
        <button type="button" class="text-button link" onClick={() => openAlert(a)} aria-haspopup="dialog">
          {words(a.rule)}
        </button>
      ),
    },
    ...(withDevice ? [{ key: "device", title: "Device", cell: (a: Alert) => <DeviceLink id={a.device_id} /> }] : []),
    { key: "severity", title: "Severity", cell: (a) => <SeverityBadge severity={a.severity} /> },
    { key: "state", title: "State", cell: (a) => <><StateBadge state={a.state} /> <QuietBadge alert={a} /></> },
    { key: "value", title: "Value", numeric: true, cell: (a) => measure(a.value) },
    {
      key: "since", title: "Started",
      cell: (a) => <time dateTime={a.starts_at} title={ago(a.starts_ms, now)}>{instant(a.starts_ms, utc, now)}</time>,
    },
    { key: "for", title: "Lasted", numeric: true, cell: (a) => span((a.ends_ms ?? now) - a.starts_ms) },
  ];
  return <Table caption={caption} columns={columns} rows={alerts} rowKey={(a) => a.id} />;
}

// One device: its metrics over time with the alerts in them, figures, raw events, history.
import { useEffect, useMemo, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Alert, Device as DeviceRow, Statistic, StoredEvent } from "../api/types";
import { AlertTable, alertSheet } from "../components/alert_table";
import { AlertFromUrl } from "../components/alert_from_url";
import { StateBadge } from "../components/badge";
import { DeviceName } from "../components/device_name";
import { HourlyTable, hourlySheet } from "../components/hourly_table";
import { MetricChart } from "../components/metric_chart";
import { Empty, Failure, Figure, Loading, Panel } from "../components/panel";
import { Table, type Column } from "../components/table";
import { alertVersion, onDevices, serverNow } from "../state/live";
import { href, place } from "../state/location";
import { useMeta } from "../state/meta";
import { useQuery } from "../state/query";
import { zone } from "../state/settings";
import { useStore } from "../state/store";
import { ago, count, instant, measure, reading, title, visible, words } from "../text/format";

function useLiveDevice(id: string, read: DeviceRow | null): DeviceRow | null {
  const [live, setLive] = useState<DeviceRow | null>(null);
  useEffect(() => onDevices((changes) => {
    const changed = changes.devices.find((device) => device.id === id);
    if (changed) setLive(changed);
  }), [id]);
  return live !== null && (read === null || live.event_ms >= read.event_ms) ? live : read;
}

/** The alerts whose rule watches the metric: by its thresholds, else those that name it. */
function alertsOf(metric: string, alerts: Alert[], bands: { metric: string; rule: string }[]): Alert[] {
  return alerts.filter((alert) => {
    const own = bands.filter((band) => band.rule === alert.rule);
    return own.length > 0 ? own.some((band) => band.metric === metric) : alert.rule.includes(metric);
  });
}

function Statistics({ rows, sinceMs }: { rows: Statistic[]; sinceMs: number | null | undefined }) {
  const { metrics } = useMeta();
  const utc = useStore(zone) === "utc";
  const show = (row: Statistic, value: number | null): string => {
    const metric = metrics.find((m) => m.name === row.metric);
    return metric && !metric.bool ? reading(value, metric) : measure(value);
  };
  const columns: Column<Statistic>[] = [
    { key: "metric", title: "Metric", head: true, cell: (row) => title(row.metric) },
    { key: "avg", title: "Mean", numeric: true, cell: (row) => show(row, row.avg) },
    { key: "min", title: "Smallest", numeric: true, cell: (row) => show(row, row.min) },
    { key: "max", title: "Largest", numeric: true, cell: (row) => show(row, row.max) },
    { key: "count", title: "Readings", numeric: true, cell: (row) => count(row.count) },
  ];
  return (
    <Panel
      title="Statistics" note={sinceMs ? `since ${instant(sinceMs, utc, serverNow())}` : undefined}
      sheet={() => ({
        name: "statistics", columns: ["metric", "avg", "min", "max", "readings"],
        rows: rows.map((r) => [r.metric, r.avg, r.min, r.max, r.count]),
      })}
    >
      <Table caption="Statistics of each metric" columns={columns} rows={rows} rowKey={(row) => row.metric} />
    </Panel>
  );
}

function RawEvents({ id }: { id: string }) {
  const utc = useStore(zone) === "utc";
  const answer = useQuery(`events ${id}`, (signal) => api.events(id, 100, signal), 10_000);
  const events = answer.data?.events ?? [];
  const columns: Column<StoredEvent>[] = [
    { key: "at", title: "Received", head: true, cell: (row) => instant(row.received_ms, utc, serverNow()) },
    { key: "place", title: "Partition : offset", cell: (row) => <code>{`${row.partition}:${row.offset}`}</code> },
    { key: "event", title: "Event", cell: (row) => <code>{visible(JSON.stringify(row.event))}</code> },
  ];
  return (
    <Panel
      title="Raw events" note={answer.data ? `the ${count(events.length)} newest` : undefined}
      sheet={() => ({
        name: "events", columns: ["received", "partition", "offset", "event"],
        rows: events.map((e) => [new Date(e.received_ms).toISOString(), e.partition, e.offset, JSON.stringify(e.event)]),
      })}
      class="limited"
    >
      {answer.error && <Failure error={answer.error} again={answer.again} />}
      {!answer.data && !answer.error && <Loading />}
      {answer.data && events.length === 0 && <Empty>The log holds no event of it any more.</Empty>}
      {events.length > 0 && <Table caption="Newest events" columns={columns} rows={events} rowKey={(row) => `${row.partition}:${row.offset}`} />}
    </Panel>
  );
}

function History({ id }: { id: string }) {
  const { metrics } = useMeta();
  const answer = useQuery(`hourly ${id}`, (signal) => api.hourly({ device: id, limit: 24 }, signal), 60_000);
  const rows = answer.data?.rows ?? [];
  return (
    <Panel title="Hours" note="of the batch job's table" sheet={() => hourlySheet(rows, metrics)} class="limited">
      {answer.error && <Failure error={answer.error} again={answer.again} />}
      {!answer.data && !answer.error && <Loading />}
      {answer.data && rows.length === 0 && <Empty>The hourly table has no row of this device yet.</Empty>}
      {rows.length > 0 && <HourlyTable rows={rows} caption="Hourly aggregates of the device" withDevice={false} />}
    </Panel>
  );
}

export function DevicePage() {
  const { params } = useStore(place);
  return <DeviceView key={params.get("id") ?? ""} id={params.get("id") ?? ""} />;
}

function DeviceView({ id }: { id: string }) {
  const { metrics, bands, offline_after_seconds } = useMeta();
  const version = useStore(alertVersion);
  const answer = useQuery(`device ${id}`, (signal) => api.device(id, signal), 10_000, version);
  const device = useLiveDevice(id, answer.data?.device ?? null);
  const alerts = answer.data?.alerts ?? [];
  const perMetric = useMemo(() => metrics.map((m) => alertsOf(m.name, alerts, bands)), [metrics, alerts, bands]);
  if (answer.error && !answer.data) return <Panel title="Device"><Failure error={answer.error} again={answer.again} /></Panel>;
  if (!answer.data) return <Panel title="Device"><Loading lines={8} /></Panel>;
  if (!device) {
    return (
      <Panel title="Unknown device">
        <Empty>
          No device <DeviceName id={id} /> has sent anything. <a href={href("/fleet")}>See the whole fleet</a>.
        </Empty>
      </Panel>
    );
  }
  return (
    <>
      <div class="figures">
        <Figure
          label="State" value={<StateBadge state={device.state} />}
          note={device.reasons.length > 0 ? device.reasons.map(words).join(", ") : `offline after ${offline_after_seconds} s of silence`}
        />
        <Figure label="Last seen" value={ago(device.last_seen_ms, serverNow())} note={device.status ? `status ${visible(device.status).slice(0, 40)}` : ""} />
        <Figure label="Events" value={count(device.events)} note="since the live view began" />
        <Figure label="Alerts" value={count(alerts.length)} note={`${count(device.alerts)} firing`} tone={device.alerts > 0 ? "critical" : "calm"} />
      </div>
      <div class={metrics.length === 1 ? "" : "two"}>
        {metrics.map((metric, i) => (
          <MetricChart key={metric.name} metric={metric} index={i} device={id} alerts={perMetric[i] ?? []} />
        ))}
      </div>
      <div class="two">
        <Panel title="Alert history" note={alerts.length > 0 ? `the ${count(alerts.length)} newest` : undefined} sheet={() => alertSheet(alerts, "device-alerts")} class="limited">
          {alerts.length === 0
            ? <Empty>No alert of this device is held.</Empty>
            : <AlertTable alerts={alerts} caption="Alerts of the device" withDevice={false} />}
        </Panel>
        <Statistics rows={answer.data.statistics} sinceMs={answer.data.since_ms} />
      </div>
      <History id={id} />
      <RawEvents id={id} />
      <AlertFromUrl known={alerts} />
    </>
  );
}

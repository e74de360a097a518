// Rows of the batch job's hourly table.
import type { HourlyRow, Metric } from "../api/types";
import { useMeta } from "../state/meta";
import { zone } from "../state/settings";
import { useStore } from "../state/store";
import type { Cell, Sheet } from "../text/export";
import { count, instant, measure, title } from "../text/format";
import { DeviceLink } from "./device_name";
import { Table, type Column } from "./table";

export function hourlySheet(rows: HourlyRow[], metrics: Metric[]): Sheet {
  const parts = ["avg", "max", "min"] as const;
  return {
    name: "hourly-aggregates",
    columns: [
      "device_id", "hour_bucket", ...metrics.flatMap((m) => parts.map((part) => `${m.name}_${part}`)),
      "alert_count", "event_count",
    ],
    rows: rows.map((row): Cell[] => [
      row.device_id, new Date(row.hour_ms).toISOString(),
      ...metrics.flatMap((m) => parts.map((part) => row.metrics[m.name]?.[part] ?? null)),
      row.alert_count, row.event_count,
    ]),
  };
}

export function HourlyTable({ rows, caption, withDevice = true }: { rows: HourlyRow[]; caption: string; withDevice?: boolean }) {
  const { metrics } = useMeta();
  const utc = useStore(zone) === "utc";
  const columns: Column<HourlyRow>[] = [
    { key: "hour", title: "Hour", head: true, cell: (row) => instant(row.hour_ms, utc).slice(0, 16) },
    ...(withDevice ? [{ key: "device", title: "Device", cell: (row: HourlyRow) => <DeviceLink id={row.device_id} /> }] : []),
    { key: "events", title: "Events", numeric: true, cell: (row) => count(row.event_count) },
    { key: "alerts", title: "Alert events", numeric: true, cell: (row) => count(row.alert_count) },
    ...metrics.map((metric): Column<HourlyRow> => ({
      key: metric.name,
      title: `${title(metric.name)}: mean (smallest to largest)${metric.unit === "" ? "" : `, ${metric.unit}`}`,
      numeric: true,
      cell: (row) => {
        const values = row.metrics[metric.name];
        if (!values || values.avg === null) return "–";
        return <>{measure(values.avg)} <span class="muted">({measure(values.min)} to {measure(values.max)})</span></>;
      },
    })),
  ];
  return (
    <Table caption={caption} columns={columns} rows={rows} rowKey={(row) => `${row.device_id} ${row.hour_ms}`} />
  );
}

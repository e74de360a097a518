// A panel with one metric over the page's time range: of one device, or of the whole fleet; live
// at its right end; as a chart or as the table beside it; to be saved.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Alert, Metric, Series } from "../api/types";
import { factsOf, seriesRows, withOpenMinute, withSamples } from "../charts/columns";
import { LineChart } from "../charts/line_chart";
import { connection, onDevices, serverNow, summary, trend } from "../state/live";
import { useMeta } from "../state/meta";
import { useQuery } from "../state/query";
import { zone } from "../state/settings";
import { useStore } from "../state/store";
import { boundsOf, showFixed, useTimeRange, type TimeRange } from "../state/time_range";
import type { Sheet } from "../text/export";
import { count, instant, measure, reading, title } from "../text/format";
import { Icon } from "./icon";
import { Failure, Loading, Panel } from "./panel";
import { Table, type Column } from "./table";

const mostRows = 500;
const none: Alert[] = [];

/** How often the whole series is read anew; between, the stream adds to it. */
function refreshOf(range: TimeRange): number {
  if (range.kind === "fixed") return 0;
  return Math.min(Math.max(range.seconds * 10, 5_000), 60_000);
}

function keyOf(range: TimeRange): string {
  return range.kind === "last" ? range.text : `${range.fromMs}-${range.toMs}`;
}

/** Readings of the device that came since the page was opened, at most a few hundred. */
function useLiveSamples(device: string | null, metricIndex: number): { t: number[]; v: (number | null)[] } {
  const kept = useRef<{ t: number[]; v: (number | null)[] }>({ t: [], v: [] });
  const [, setVersion] = useState(0);
  useEffect(() => {
    kept.current = { t: [], v: [] };
    if (device === null) return undefined;
    return onDevices((changes) => {
      for (const changed of changes.devices) {
        if (changed.id !== device) continue;
        const { t, v } = kept.current;
        if (changed.event_ms <= (t[t.length - 1] ?? -Infinity)) continue;
        t.push(changed.event_ms);
        v.push(changed.values[metricIndex] ?? null);
        if (t.length > 600) kept.current = { t: t.slice(-400), v: v.slice(-400) };
        setVersion((version) => version + 1);
      }
    });
  }, [device, metricIndex]);
  return kept.current;
}

export function sheetOf(series: Series, name: string): Sheet {
  const columns = series.kind === "samples"
    ? ["time", series.metric]
    : ["time", `${series.metric}_avg`, `${series.metric}_min`, `${series.metric}_max`, "readings"];
  const rows = seriesRows(series).reverse().map(([at, ...values]) => [new Date(at ?? 0).toISOString(), ...values]);
  return { name, columns, rows };
}

function SeriesTable({ series, metric, label }: { series: Series; metric: Metric; label: string }) {
  const utc = useStore(zone) === "utc";
  const rows = seriesRows(series).slice(0, mostRows);
  const names = series.kind === "samples" ? [title(metric.name)] : ["Mean", "Smallest", "Largest"];
  const columns: Column<(number | null)[]>[] = [
    { key: "time", title: "Time", head: true, cell: (row) => instant(row[0], utc) },
    ...names.map((name, i) => ({
      key: name, title: name, numeric: true,
      cell: (row: (number | null)[]) => (series.kind === "trend" && metric.bool ? measure(row[i + 1]) : reading(row[i + 1], metric)),
    })),
  ];
  if (series.kind === "trend") {
    columns.push({ key: "n", title: "Readings", numeric: true, cell: (row) => count(row[4]) });
  }
  return (
    <div class="series-table">
      <Table caption={`${label}, as a table, newest first`} columns={columns} rows={rows} rowKey={(row) => String(row[0])} />
    </div>
  );
}

interface MetricChartProps {
  metric: Metric;
  index: number;
  device: string | null;
  alerts?: Alert[];
}

export function MetricChart({ metric, index, device, alerts = none }: MetricChartProps) {
  const { bands: allBands } = useMeta();
  const range = useTimeRange();
  const [asTable, setAsTable] = useState(false);
  const body = useRef<HTMLDivElement>(null);
  const now = useStore(summary);
  const openMinutes = useStore(trend);
  const paused = useStore(connection) === "paused";
  const liveSamples = useLiveSamples(device, index);
  const answer = useQuery<Series>(
    `${device ?? ""}|${metric.name}|${keyOf(range)}`,
    (signal) => {
      const { fromMs, toMs } = boundsOf(range, serverNow());
      const points = Math.min(Math.max(Math.round((body.current?.clientWidth ?? 600) - 60), 120), 2000);
      return api.series(
        {
          metric: metric.name, from: Math.floor(fromMs), to: Math.ceil(toMs), points,
          ...(device === null ? {} : { device }),
        },
        signal,
      );
    },
    refreshOf(range),
  );
  const bands = useMemo(() => allBands.filter((band) => band.metric === metric.name), [allBands, metric.name]);
  const bounds = paused && answer.data
    ? { fromMs: answer.data.from_ms, toMs: answer.data.to_ms }
    : boundsOf(range, serverNow());
  let series = answer.data;
  if (series && range.kind === "last" && !answer.loading) {
    // Event times: of old data the open minute lies long ago.
    const open = openMinutes.find((point) =>
      point.metric === metric.name && point.minute_ms >= bounds.fromMs - 60_000 && point.minute_ms <= bounds.toMs);
    if (device === null && open) series = withOpenMinute(series, open);
    if (device !== null) series = withSamples(series, liveSamples.t, liveSamples.v);
  }
  const label = `${title(metric.name)}${metric.unit === "" ? "" : ` in ${metric.unit}`}`;
  const facts = series ? factsOf(series) : null;
  const newest = now?.newest_event_ms ?? null;
  return (
    <Panel
      title={title(metric.name)}
      note={
        facts && facts.points > 0 ? (
          <>
            <span class="chart-value">
              {metric.bool && device === null ? `${measure((facts.last ?? 0) * 100)}% on` : reading(facts.last, metric)}
            </span>{" "}
            <span>
              {metric.bool ? "" : `${measure(facts.min)} to ${reading(facts.max, metric)}`}
              {device !== null && facts.gaps > 0 ? ` · ${facts.gaps} ${facts.gaps === 1 ? "gap" : "gaps"}` : ""}
            </span>
          </>
        ) : undefined
      }
      actions={
        <button
          type="button" class="icon-button" aria-pressed={asTable} title="Table instead of chart"
          aria-label={`${title(metric.name)} as a table`} onClick={() => setAsTable(!asTable)}
        >
          <Icon name="table" />
        </button>
      }
      {...(series ? { sheet: () => sheetOf(series, `${metric.name}${device === null ? "" : `-${device}`}`) } : {})}
    >
      <div ref={body}>
        {answer.error && !series && <Failure error={answer.error} again={answer.again} />}
        {!answer.error && !series && <Loading lines={6} />}
        {series && asTable && <SeriesTable series={series} metric={metric} label={label} />}
        {series && !asTable && facts && facts.points === 0 && !answer.loading && (
          <div class="chart-empty">
            <p>No readings of {title(metric.name).toLowerCase()} in this time range.</p>
            {newest !== null && (newest < bounds.fromMs || newest > bounds.toMs) && (
              <button type="button" onClick={() => showFixed(newest - 86_400_000, newest + 1000)}>
                Show the day before the newest reading
              </button>
            )}
          </div>
        )}
        {series && !asTable && facts && (facts.points > 0 || answer.loading) && (
          <LineChart
            series={series} metric={metric} index={index} bands={bands} alerts={alerts} label={label}
            fromMs={bounds.fromMs} toMs={bounds.toMs}
          />
        )}
      </div>
    </Panel>
  );
}

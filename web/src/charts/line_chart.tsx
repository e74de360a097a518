// One metric over time on a canvas (uPlot): a line, or the fleet's mean with the band from smallest
// to largest. Drag zooms the page's time range, the crosshair is that of all charts of the page,
// arrow keys walk along the line and say what is there. The table beside it is the caller's.
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { Alert, Band, Metric, Series } from "../api/types";
import { dark, zone } from "../state/settings";
import { useStore } from "../state/store";
import { showFixed } from "../state/time_range";
import { instant, measure, reading, tickTime, tickValue, title, withUnit } from "../text/format";
import { chartColumns, factsOf, valueLimits, type ChartColumns } from "./columns";
import { faded, seriesColour, token } from "./palette";

export interface LineChartProps {
  series: Series;
  metric: Metric;
  /** Place of the metric in the declaration: its colour. */
  index: number;
  fromMs: number;
  toMs: number;
  bands: Band[];
  /** Alerts of the metric: shaded from start to end. */
  alerts?: Alert[];
  height?: number;
  label: string;
}

const crosshair = uPlot.sync("tocsin");

function drawThresholds(u: uPlot, bands: Band[]): void {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.strokeStyle = token("--warning-mark");
  ctx.fillStyle = token("--muted");
  ctx.font = `${11 * devicePixelRatio}px ${token("--font")}`;
  ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.lineWidth = devicePixelRatio;
  for (const band of bands) {
    const y = u.valToPos(band.value, "y", true);
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    const isUpper = band.op.startsWith(">");
    const text = `${band.op.replace(">=", "≥").replace("<=", "≤")} ${measure(band.value)}`;
    ctx.textAlign = "right";
    ctx.textBaseline = isUpper ? "bottom" : "top";
    const away = (isUpper ? -2 : 3) * devicePixelRatio;
    ctx.fillText(text, bbox.left + bbox.width - 4 * devicePixelRatio, y + away);
  }
  ctx.restore();
}

function drawAlerts(u: uPlot, alerts: Alert[], toMs: number): void {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const alert of alerts) {
    const left = u.valToPos(alert.starts_ms / 1000, "x", true);
    const right = u.valToPos((alert.ends_ms ?? toMs) / 1000, "x", true);
    const width = Math.max(right - left, 2 * devicePixelRatio);
    const colour = token(alert.severity === "critical" ? "--critical-mark" : "--warning-mark");
    ctx.fillStyle = faded(colour, 0.16);
    ctx.fillRect(left, bbox.top, width, bbox.height);
    ctx.fillStyle = colour;
    ctx.fillRect(left, bbox.top, width, 3 * devicePixelRatio);
  }
  ctx.restore();
}

function dataOf(columns: ChartColumns): uPlot.AlignedData {
  return [columns.t, ...columns.lines] as uPlot.AlignedData;
}

interface Shown {
  t: number;
  values: (number | null | undefined)[];
}

export function LineChart(props: LineChartProps) {
  const { series, metric, index, fromMs, toMs, height = 220, label } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [shown, setShown] = useState<Shown | null>(null);
  const [said, setSaid] = useState("");
  const isDark = useStore(dark);
  const utc = useStore(zone) === "utc";
  const band = series.kind === "trend";

  useEffect(() => {
    const host = box.current;
    if (!host) return undefined;
    const line = seriesColour(index);
    const axis = {
      stroke: token("--muted"),
      grid: { stroke: token("--grid"), width: 1 },
      ticks: { show: false },
      font: `11px ${token("--font")}`,
    };
    const edge = { stroke: faded(line, 0.25), width: 1, points: { show: false } };
    const path = metric.bool && !band ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
    const main: uPlot.Series = {
      stroke: line, width: band ? 2 : 1.4, points: { size: 5 }, spanGaps: false, ...(path ? { paths: path } : {}),
    };
    const options: uPlot.Options = {
      width: Math.max(host.clientWidth, 50),
      height,
      padding: [8, 6, 0, 0],
      legend: { show: false },
      cursor: {
        sync: { key: crosshair.key, setSeries: false },
        drag: { x: true, y: false, setScale: false, dist: 6 },
        points: { size: 7 },
      },
      tzDate: (at) => (utc ? uPlot.tzDate(new Date(at * 1000), "Etc/UTC") : new Date(at * 1000)),
      scales: {
        x: { range: () => [latest.current.fromMs / 1000, latest.current.toMs / 1000] },
        y: {
          range: () => {
            const facts = factsOf(latest.current.series);
            if (metric.bool) return [-0.08, 1.08];
            return valueLimits(facts.min, facts.max, latest.current.bands);
          },
        },
      },
      axes: [
        {
          ...axis, size: 28, space: 74,
          values: (_u, ticks, _axis, _space, step) => ticks.map((tick) => tickTime(tick * 1000, step, utc)),
        },
        {
          ...axis, size: 52, space: 36,
          values: (_u, ticks, _axis, _space, step) =>
            ticks.map((tick) =>
              metric.bool ? (tick === 0 ? "off" : tick === 1 ? "on" : "") : tickValue(tick, step)),
        },
      ],
      series: band ? [{}, main, edge, edge] : [{}, main],
      ...(band ? { bands: [{ series: [3, 2] as [number, number], fill: faded(line, 0.12) }] } : {}),
      hooks: {
        drawClear: [(u) => drawAlerts(u, latest.current.alerts ?? [], latest.current.toMs)],
        draw: [(u) => drawThresholds(u, latest.current.bands)],
        setCursor: [
          (u) => {
            const at = u.cursor.idx;
            const t = at === null || at === undefined ? undefined : u.data[0][at];
            if (t === undefined || (u.cursor.left ?? -1) < 0) setShown(null);
            else setShown({ t: t * 1000, values: u.data.slice(1).map((c) => c[at ?? 0]) });
          },
        ],
        setSelect: [
          (u) => {
            if (u.select.width < 6) return;
            const from = u.posToVal(u.select.left, "x") * 1000;
            const to = u.posToVal(u.select.left + u.select.width, "x") * 1000;
            u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
            showFixed(from, Math.max(to, from + 1000));
          },
        ],
      },
    };
    const chart = new uPlot(options, dataOf(chartColumns(latest.current.series)), host);
    plot.current = chart;
    const observer = new ResizeObserver(() => {
      chart.setSize({ width: Math.max(host.clientWidth, 50), height });
    });
    observer.observe(host);
    return () => {
      observer.disconnect();
      chart.destroy();
      plot.current = null;
    };
  }, [metric.name, band, height, isDark, utc, index]);

  useEffect(() => {
    plot.current?.setData(dataOf(chartColumns(series)));
  }, [series, fromMs, toMs, props.alerts, props.bands]);

  const facts = factsOf(series);
  const say = (value: number | null | undefined): string => reading(value ?? null, metric);
  const summaryText =
    facts.points === 0
      ? `${label}: no readings in this range.`
      : `${label}: ${facts.points} points, last ${say(facts.last)}, smallest ${say(facts.min)}, ` +
        `largest ${say(facts.max)}, ${facts.gaps} gaps. Arrow keys read the points.`;

  const onKeyDown = (event: KeyboardEvent): void => {
    const u = plot.current;
    if (!u || (event.key !== "ArrowLeft" && event.key !== "ArrowRight")) return;
    event.preventDefault();
    event.stopPropagation();
    const last = u.data[0].length - 1;
    if (last < 0) return;
    const step = (event.key === "ArrowLeft" ? -1 : 1) * (event.shiftKey ? 10 : 1);
    const from = u.cursor.idx ?? (step < 0 ? last + 1 : -1);
    const at = Math.min(Math.max(from + step, 0), last);
    const t = u.data[0][at] ?? 0;
    const value = u.data[1]?.[at];
    u.setCursor({
      left: u.valToPos(t, "x"),
      top: value === null || value === undefined ? 0 : u.valToPos(value, "y"),
    });
    setSaid(`${instant(t * 1000, utc)}: ${value === null ? "gap" : say(value)}`);
  };

  return (
    <div class="chart">
      <div class="chart-readout" aria-hidden="true">
        {shown && shown.values[0] !== undefined ? (
          <>
            <span class="chart-time">{instant(shown.t, utc)}</span>
            <strong>{shown.values[0] === null ? "no readings" : say(shown.values[0])}</strong>
            {band && shown.values[1] !== null && (
              <span>
                {measure(shown.values[1])} to {withUnit(measure(shown.values[2]), metric.unit)}
              </span>
            )}
          </>
        ) : (
          <span class="chart-time">{band ? `${title(metric.name)}: mean, smallest, largest` : " "}</span>
        )}
      </div>
      <div
        ref={box}
        class="chart-canvas"
        role="img"
        tabIndex={0}
        aria-label={summaryText}
        onKeyDown={onKeyDown}
      />
      <div class="hidden" aria-live="polite">{said}</div>
    </div>
  );
}

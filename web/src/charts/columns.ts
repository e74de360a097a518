// The API's series as columns for a chart, and as rows for the table beside it. Pure.
import type { Band, Series } from "../api/types";

type Column = (number | null)[];

/** Columns in uPlot's order; times in seconds, ascending. `band`: avg, min, max; else one line. */
export interface ChartColumns {
  band: boolean;
  t: number[];
  lines: Column[];
}

const seconds = (ms: number): number => ms / 1000;

/**
 * A trend has only the buckets that hold readings: where neighbours lie further apart than
 * `gapFactor` usual steps a null is put between them, so that the line breaks instead of lying.
 */
function withGaps(t: number[], columns: Column[], stepMs: number): { t: number[]; columns: Column[] } {
  const gapFactor = 3;
  const outT: number[] = [];
  const out: Column[] = columns.map(() => []);
  for (let i = 0; i < t.length; i += 1) {
    const here = t[i] ?? 0;
    const before = t[i - 1];
    if (before !== undefined && here - before > stepMs * gapFactor) {
      outT.push(seconds(before + stepMs));
      for (const column of out) column.push(null);
    }
    outT.push(seconds(here));
    for (const [c, column] of columns.entries()) out[c]?.push(column[i] ?? null);
  }
  return { t: outT, columns: out };
}

/** The usual distance of neighbours: their median, 0 for fewer than two. */
export function usualStep(t: number[]): number {
  const steps: number[] = [];
  for (let i = 1; i < t.length; i += 1) steps.push((t[i] ?? 0) - (t[i - 1] ?? 0));
  steps.sort((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)] ?? 0;
}

export function chartColumns(series: Series): ChartColumns {
  if (series.kind === "samples") {
    return { band: false, t: series.t.map(seconds), lines: [series.v ?? []] };
  }
  const step = Math.max(series.bucket_ms, usualStep(series.t));
  const columns = [series.avg ?? [], series.min ?? [], series.max ?? []];
  const made = withGaps(series.t, columns, step);
  return { band: true, t: made.t, lines: made.columns };
}

export interface SeriesFacts {
  last: number | null;
  min: number | null;
  max: number | null;
  points: number;
  gaps: number;
}

export function factsOf(series: Series): SeriesFacts {
  const line = (series.kind === "samples" ? series.v : series.avg) ?? [];
  const lows = (series.kind === "samples" ? series.v : series.min) ?? [];
  const highs = (series.kind === "samples" ? series.v : series.max) ?? [];
  const facts: SeriesFacts = { last: null, min: null, max: null, points: 0, gaps: 0 };
  for (const value of lows) {
    if (value !== null && (facts.min === null || value < facts.min)) facts.min = value;
  }
  for (const value of highs) {
    if (value !== null && (facts.max === null || value > facts.max)) facts.max = value;
  }
  for (const value of line) {
    if (value === null) facts.gaps += 1;
    else {
      facts.last = value;
      facts.points += 1;
    }
  }
  if (series.kind === "trend") {
    facts.gaps = chartColumns(series).lines[0]?.filter((value) => value === null).length ?? 0;
  }
  return facts;
}

/** Rows of the table beside a chart, newest first. */
export function seriesRows(series: Series): (number | null)[][] {
  const rows: (number | null)[][] = [];
  for (let i = series.t.length - 1; i >= 0; i -= 1) {
    const at = series.t[i] ?? 0;
    if (series.kind === "samples") {
      const value = series.v?.[i] ?? null;
      if (value !== null) rows.push([at, value]);
    } else {
      rows.push([
        at, series.avg?.[i] ?? null, series.min?.[i] ?? null, series.max?.[i] ?? null,
        series.count?.[i] ?? null,
      ]);
    }
  }
  return rows;
}

/** Limits of the vertical axis: the data with a tenth of room, thresholds close by included. */
export function valueLimits(
  min: number | null,
  max: number | null,
  bands: Pick<Band, "value">[],
): [number, number] {
  if (min === null || max === null) return [0, 1];
  const size = Math.max(max - min, Math.abs(max) * 0.02, 1e-9);
  let low = min;
  let high = max;
  for (const band of bands) {
    if (band.value < low && band.value >= min - size * 0.5) low = band.value;
    if (band.value > high && band.value <= max + size * 0.5) high = band.value;
  }
  const room = Math.max(high - low, size) * 0.1;
  return [low - room, high + room];
}

/** The trend with the open minute of the live stream as its last point. */
export function withOpenMinute(series: Series, point: { minute_ms: number; avg: number | null; min: number | null; max: number | null; count: number }): Series {
  const { minute_ms, avg, min, max, count } = point;
  if (series.kind !== "trend" || avg === null || count === 0) return series;
  const last = series.t[series.t.length - 1];
  // A bucket of more than a minute holds more than the stream tells: the next answer brings it.
  if (series.bucket_ms > 60_000 || (last !== undefined && last > minute_ms)) return series;
  // Buckets begin at multiples of their width: the one of this minute may begin a little before it.
  const same = last !== undefined && minute_ms - last < 60_000;
  const keep = same ? series.t.length - 1 : series.t.length;
  const column = <T>(values: T[] | undefined, value: T): T[] => [...(values ?? []).slice(0, keep), value];
  return {
    ...series,
    t: column(series.t, minute_ms),
    avg: column(series.avg, avg),
    min: column(series.min, min),
    max: column(series.max, max),
    count: column(series.count, count),
  };
}

/** The samples with newer ones of the live stream behind them. */
export function withSamples(series: Series, t: number[], v: (number | null)[]): Series {
  if (series.kind !== "samples") return series;
  const last = series.t[series.t.length - 1] ?? series.from_ms;
  const first = t.findIndex((at) => at > last);
  if (first < 0) return series;
  return { ...series, t: [...series.t, ...t.slice(first)], v: [...(series.v ?? []), ...v.slice(first)] };
}

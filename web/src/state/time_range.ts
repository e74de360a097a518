// The time range of the page: the last so-many seconds (it moves with the clock), or two instants.
import { place, setParams } from "./location";
import { useStore } from "./store";

export type TimeRange =
  | { kind: "last"; seconds: number; text: string }
  | { kind: "fixed"; fromMs: number; toMs: number };

export const quickRanges = ["5m", "15m", "1h", "3h", "6h", "12h", "24h", "2d", "7d", "30d"] as const;
export const defaultRange = "1h";

const unitSeconds: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86400 };
const longestSeconds = 10 * 366 * 86400;

/** Seconds of `15m`, `6h` …; null when the text is none. */
export function parseDuration(text: string): number | null {
  const match = /^([1-9][0-9]{0,6})([smhd])$/.exec(text);
  if (!match) return null;
  const seconds = Number(match[1]) * (unitSeconds[match[2] ?? ""] ?? 0);
  return seconds > 0 && seconds <= longestSeconds ? seconds : null;
}

/** Unix milliseconds of an instant in the address: digits, or RFC 3339. */
export function parseInstant(text: string): number | null {
  const ms = /^-?[0-9]{1,15}$/.test(text) ? Number(text) : Date.parse(text);
  return Number.isFinite(ms) ? ms : null;
}

/** The range that the address names; what cannot be read is the default. */
export function rangeOf(params: URLSearchParams): TimeRange {
  const from = parseInstant(params.get("from") ?? "");
  const to = parseInstant(params.get("to") ?? "");
  if (from !== null && to !== null && from < to) return { kind: "fixed", fromMs: from, toMs: to };
  const text = params.get("range") ?? defaultRange;
  const seconds = parseDuration(text);
  if (seconds !== null) return { kind: "last", seconds, text };
  return { kind: "last", seconds: 3600, text: defaultRange };
}

export function boundsOf(range: TimeRange, nowMs: number): { fromMs: number; toMs: number } {
  if (range.kind === "fixed") return { fromMs: range.fromMs, toMs: range.toMs };
  return { fromMs: nowMs - range.seconds * 1000, toMs: nowMs };
}

export function showLast(text: string): void {
  setParams({ range: text, from: null, to: null });
}

export function showFixed(fromMs: number, toMs: number): void {
  setParams({ range: null, from: String(Math.round(fromMs)), to: String(Math.round(toMs)) });
}

/** Twice the time, the same middle; a range that ends now goes on ending now. */
export function zoomedOut(range: TimeRange, nowMs: number): TimeRange {
  const { fromMs, toMs } = boundsOf(range, nowMs);
  if (range.kind === "last") {
    const wider = quickRanges.find((text) => (parseDuration(text) ?? 0) > range.seconds);
    if (wider !== undefined) return { kind: "last", seconds: parseDuration(wider) ?? 0, text: wider };
  }
  const half = (toMs - fromMs) / 2;
  const end = Math.min(toMs + half, Math.max(nowMs, toMs));
  return { kind: "fixed", fromMs: fromMs - half, toMs: end };
}

export function show(range: TimeRange): void {
  if (range.kind === "last") showLast(range.text);
  else showFixed(range.fromMs, range.toMs);
}

export function useTimeRange(): TimeRange {
  return rangeOf(useStore(place).params);
}

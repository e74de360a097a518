// Numbers, times and sizes as people read them. Pure functions; what is not a number is an en dash.

export const absent = "–";

const counts = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });

/** `1,234,567` */
export function count(value: number | null | undefined): string {
  return value === null || value === undefined || !Number.isFinite(value)
    ? absent
    : counts.format(value);
}

/** `1.23M`: for axes and narrow places. */
export function shortCount(value: number): string {
  return Math.abs(value) < 10_000 ? counts.format(value) : compact.format(value);
}

/** A measured value: at most four significant digits, never rounded to a whole larger number. */
export function measure(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return absent;
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1000) return counts.format(value);
  if (size >= 100) return value.toFixed(1);
  if (size >= 1) return value.toFixed(2);
  if (size >= 0.0001) return String(Number(value.toPrecision(3)));
  return value.toExponential(2);
}

/** A value of a metric with its unit; of a bool metric on or off. */
export function reading(
  value: number | null | undefined,
  metric: { unit: string; bool: boolean },
): string {
  if (value === null || value === undefined) return absent;
  if (metric.bool) return value === 1 ? "on" : value === 0 ? "off" : measure(value);
  return withUnit(measure(value), metric.unit);
}

export function withUnit(text: string, unit: string): string {
  if (text === absent || unit === "") return text;
  return unit === "%" ? `${text}%` : `${text} ${unit}`;
}

/** A rate by the second: `0`, `0.4/s`, `1,204/s`. */
export function rate(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return absent;
  if (value === 0) return "0/s";
  if (value < 10) return `${value.toFixed(1)}/s`;
  return `${value < 100_000 ? counts.format(value) : compact.format(value)}/s`;
}

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined || value < 0) return absent;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? size.toFixed(0) : size.toFixed(1)} ${units[unit] ?? ""}`;
}

/** A span of time in its two largest units: `2 h 5 min`. */
export function span(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return absent;
  const all = Math.max(0, ms);
  if (all < 1000) return `${Math.round(all)} ms`;
  const seconds = Math.floor(all / 1000);
  const parts: [number, string][] = [
    [Math.floor(seconds / 86400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(" ");
}

/** `12 s ago`; a time to come is `in 3 s`. */
export function ago(ms: number | null | undefined, nowMs: number): string {
  if (ms === null || ms === undefined) return absent;
  const past = nowMs - ms;
  if (Math.abs(past) < 1500) return "now";
  return past > 0 ? `${span(past)} ago` : `in ${span(-past)}`;
}

const two = (value: number): string => String(value).padStart(2, "0");

interface Parts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

function partsOf(ms: number, utc: boolean): Parts {
  const d = new Date(ms);
  return utc
    ? {
        year: d.getUTCFullYear(), month: d.getUTCMonth() + 1, day: d.getUTCDate(),
        hour: d.getUTCHours(), minute: d.getUTCMinutes(), second: d.getUTCSeconds(),
      }
    : {
        year: d.getFullYear(), month: d.getMonth() + 1, day: d.getDate(),
        hour: d.getHours(), minute: d.getMinutes(), second: d.getSeconds(),
      };
}

/** `2026-11-27` */
export function date(ms: number, utc: boolean): string {
  const p = partsOf(ms, utc);
  return `${p.year}-${two(p.month)}-${two(p.day)}`;
}

/** `14:05:09` */
export function clock(ms: number, utc: boolean): string {
  const p = partsOf(ms, utc);
  return `${two(p.hour)}:${two(p.minute)}:${two(p.second)}`;
}

/** `2026-11-27 14:05:09`; the date is left out when it is that of `nowMs`. */
export function instant(ms: number | null | undefined, utc: boolean, nowMs?: number): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return absent;
  const time = clock(ms, utc);
  if (nowMs !== undefined && date(ms, utc) === date(nowMs, utc)) return time;
  return `${date(ms, utc)} ${time}`;
}

/** A tick of a time axis whose ticks are `stepSeconds` apart. */
export function tickTime(ms: number, stepSeconds: number, utc: boolean): string {
  if (stepSeconds >= 86_400 || (clock(ms, utc) === "00:00:00" && stepSeconds >= 3600)) return date(ms, utc).slice(5);
  return stepSeconds < 60 ? clock(ms, utc) : clock(ms, utc).slice(0, 5);
}

/** A tick of a value axis whose ticks are `step` apart: as many decimals as tell them apart. */
export function tickValue(value: number, step: number): string {
  let decimals = 0;
  // Steps are 1, 2, 2.5 or 5 times a power of ten.
  while (decimals < 8 && Math.abs(step * 10 ** decimals - Math.round(step * 10 ** decimals)) > 1e-6) decimals += 1;
  return Math.abs(value) >= 10_000 ? shortCount(value) : value.toFixed(decimals);
}

/** The value of `<input type="datetime-local">` for an instant, and back. */
export function toInput(ms: number, utc: boolean): string {
  return `${date(ms, utc)}T${clock(ms, utc)}`;
}

export function fromInput(text: string, utc: boolean): number | null {
  const ms = Date.parse(utc ? `${text}Z` : text);
  return Number.isFinite(ms) ? ms : null;
}

/** `temperature_high` as words: `temperature high`. */
export function words(name: string): string {
  return name.replaceAll("_", " ");
}

/** The same with a capital first letter. */
export function title(name: string): string {
  const text = words(name);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * Text with control characters made visible, so that a name cannot pretend to be something else, and
 * one of nothing but blanks can be seen.
 */
export function visible(text: string): string {
  if (text !== "" && text.trim() === "") return "␣".repeat(text.length);
  return text.replace(
    // C0, DEL, C1, bidirectional controls, zero-width and other format characters.
    /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g,
    (c) => `␣${(c.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}

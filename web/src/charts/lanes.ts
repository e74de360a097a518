// Alerts in lanes, and round times for an axis. Pure.
import type { Alert } from "../api/types";

export interface Lane {
  rule: string;
  alerts: Alert[];
}

/** One lane for each rule, the one with most alerts first; within it oldest first. */
export function lanesOf(alerts: Alert[]): Lane[] {
  const lanes = new Map<string, Alert[]>();
  for (const alert of alerts) {
    const lane = lanes.get(alert.rule);
    if (lane) lane.push(alert);
    else lanes.set(alert.rule, [alert]);
  }
  return [...lanes]
    .map(([rule, all]) => ({ rule, alerts: all.sort((a, b) => a.starts_ms - b.starts_ms) }))
    .sort((a, b) => b.alerts.length - a.alerts.length || (a.rule < b.rule ? -1 : 1));
}

const stepsMs = [
  1e3, 5e3, 15e3, 30e3, 60e3, 300e3, 600e3, 1800e3, 3600e3, 3 * 3600e3, 6 * 3600e3, 12 * 3600e3,
  86400e3, 2 * 86400e3, 7 * 86400e3, 30 * 86400e3, 90 * 86400e3, 365 * 86400e3,
];

/** At most `most` round instants (of UTC) within the range. */
export function timeTicks(fromMs: number, toMs: number, most: number): number[] {
  const step = stepsMs.find((size) => (toMs - fromMs) / size <= most) ?? (toMs - fromMs) / most;
  const ticks: number[] = [];
  for (let at = Math.ceil(fromMs / step) * step; at <= toMs && ticks.length <= most; at += step) ticks.push(at);
  return ticks;
}

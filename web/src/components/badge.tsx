// States and severities: always a mark of its own shape, a word, and only then a colour.
import { title } from "../text/format";

type Tone = "ok" | "warning" | "critical" | "info" | "off" | "quiet";

/** The mark of a tone: circle, triangle, octagon, square, ring, dash. */
export function Mark({ tone }: { tone: Tone }) {
  const shapes: Record<Tone, string> = {
    ok: "M6 1.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9z",
    warning: "M6 1l5.5 10h-11z",
    critical: "M3.7 .7h4.6l3 3v4.6l-3 3H3.7l-3-3V3.7z",
    info: "M1.5 1.5h9v9h-9z",
    off: "M6 1.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zm0 2a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
    quiet: "M1 4.5h10v3H1z",
  };
  return (
    <svg class={`mark tone-${tone}`} viewBox="0 0 12 12" width="11" height="11" aria-hidden="true">
      <path fill-rule="evenodd" d={shapes[tone]} />
    </svg>
  );
}

export function Badge({ tone, text }: { tone: Tone; text: string }) {
  return (
    <span class={`badge badge-${tone}`}>
      <Mark tone={tone} />
      {text}
    </span>
  );
}

export function severityTone(severity: string): Tone {
  if (severity === "critical" || severity === "page" || severity === "error") return "critical";
  return severity === "info" ? "info" : "warning";
}

export function SeverityBadge({ severity }: { severity: string }) {
  return <Badge tone={severityTone(severity)} text={title(severity)} />;
}

export function StateBadge({ state }: { state: string }) {
  const tones: Record<string, Tone> = {
    ok: "ok", alert: "critical", offline: "off", firing: "critical", resolved: "ok",
    queued: "info", sending: "info", done: "ok", dead: "critical", delivered: "ok", retry: "warning",
    closed: "ok", open: "critical", half_open: "warning",
  };
  const names: Record<string, string> = { ok: "OK", alert: "In alert", half_open: "Half open" };
  return <Badge tone={tones[state] ?? "info"} text={names[state] ?? title(state)} />;
}

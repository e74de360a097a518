// The time range at the top of the page: quick ranges, two instants, zoom out; and the live pill.
import { useEffect, useRef, useState } from "preact/hooks";
import { connection, serverNow, togglePause } from "../state/live";
import { toggleZone, zone } from "../state/settings";
import { useStore } from "../state/store";
import {
  boundsOf, quickRanges, show, showFixed, showLast, useTimeRange, zoomedOut,
} from "../state/time_range";
import { fromInput, instant, toInput } from "../text/format";
import { Icon } from "./icon";

const names: Record<string, string> = { m: "minutes", h: "hours", d: "days" };

export function quickName(text: string): string {
  const amount = text.slice(0, -1);
  const unit = names[text.slice(-1)] ?? text.slice(-1);
  return amount === "1" ? `Last ${unit.slice(0, -1)}` : `Last ${amount} ${unit}`;
}

export function TimeRangePicker() {
  const range = useTimeRange();
  const utc = useStore(zone) === "utc";
  const [open, setOpen] = useState(false);
  const [error, setError] = useState("");
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const bounds = boundsOf(range, serverNow());
  const [fromText, setFromText] = useState("");
  const [toText, setToText] = useState("");

  useEffect(() => {
    if (!open) return undefined;
    setFromText(toInput(bounds.fromMs, utc));
    setToText(toInput(bounds.toMs, utc));
    setError("");
    const outside = (event: Event): void => {
      if (event.target instanceof Node && !root.current?.contains(event.target)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, [open, utc]);

  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };
  const apply = (event: Event): void => {
    event.preventDefault();
    const from = fromInput(fromText, utc);
    const to = fromInput(toText, utc);
    if (from === null || to === null) setError("Both times are needed.");
    else if (from >= to) setError("The beginning must lie before the end.");
    else {
      showFixed(from, to);
      close();
    }
  };
  const text = range.kind === "last"
    ? quickName(range.text)
    : `${instant(range.fromMs, utc)} – ${instant(range.toMs, utc, range.fromMs)}`;

  return (
    <div
      class="range"
      ref={root}
      onKeyDown={(event) => {
        if (event.key === "Escape" && open) {
          event.stopPropagation();
          close();
        }
      }}
    >
      <button
        type="button" ref={button} id="time-range" class="range-button" aria-expanded={open}
        aria-haspopup="dialog" onClick={() => setOpen(!open)}
      >
        <Icon name="clock" />
        <span class="hidden">Time range: </span>
        <span class="range-text">{text}</span>
      </button>
      <button
        type="button" class="icon-button" aria-label="Zoom out" title="Zoom out (z)"
        onClick={() => show(zoomedOut(range, serverNow()))}
      >
        <Icon name="zoomOut" />
      </button>
      {open && (
        <div class="popup" role="dialog" aria-label="Time range">
          <div class="quick" role="group" aria-label="Quick ranges">
            {quickRanges.map((quick) => (
              <button
                key={quick} type="button"
                aria-pressed={range.kind === "last" && range.text === quick}
                onClick={() => {
                  showLast(quick);
                  close();
                }}
              >
                {quickName(quick)}
              </button>
            ))}
          </div>
          <form onSubmit={apply}>
            <label>
              From
              <input
                type="datetime-local" step="1" value={fromText}
                onInput={(event) => setFromText(event.currentTarget.value)}
              />
            </label>
            <label>
              To
              <input
                type="datetime-local" step="1" value={toText}
                onInput={(event) => setToText(event.currentTarget.value)}
              />
            </label>
            {error !== "" && <p class="form-error" role="alert">{error}</p>}
            <div class="buttons">
              <button type="submit" class="primary">Show</button>
              <button type="button" onClick={toggleZone}>
                {utc ? "Times in UTC" : "Times of this browser"}
              </button>
            </div>
          </form>
        </div>
      )}
    </div>
  );
}

export function LivePill() {
  const state = useStore(connection);
  const range = useTimeRange();
  const texts = { live: "Live", connecting: "Connecting", lost: "Connection lost", paused: "Paused" };
  const past = state === "live" && range.kind === "fixed";
  const action = state === "paused" ? "Go on" : "Pause";
  return (
    <button
      type="button" class={`pill pill-${past ? "past" : state}`}
      title={past ? "A past range is shown. Back to live (l)" : `${action} (p)`}
      onClick={() => (past ? showLast("1h") : togglePause())}
    >
      <span class="pill-dot" aria-hidden="true" />
      {past ? "Past" : texts[state]}
      <span class="hidden">{past ? ": back to live" : `: ${action}`}</span>
    </button>
  );
}

// The one stream of the page (/api/v1/live): figures every second, changed devices, alert
// transitions. The browser reconnects by itself and names the last id, so that no alert is missed.
import type { Alert, DeviceChanges, Hello, Pipeline, Summary, Tick, TrendPoint } from "../api/types";
import { Store } from "./store";

export type Connection = "connecting" | "live" | "lost" | "paused";

export const connection = new Store<Connection>("connecting");
export const summary = new Store<Summary | null>(null);
export const pipeline = new Store<Pipeline | null>(null);
export const trend = new Store<TrendPoint[]>([]);
/** Grows with every alert transition and after `reset`: lists of alerts are read anew. */
export const alertVersion = new Store<number>(0);
/** Grows when frames were missed: what the stream has built up is read anew. */
export const missed = new Store<number>(0);
/** The last transition, for the announcement to screen readers. */
export const lastAlert = new Store<Alert | null>(null);
/** Another value than before: the server was started again. */
export const serverStart = new Store<number>(0);

let clockOffsetMs = 0;
/** The server's clock: relative ranges end at its now. */
export function serverNow(): number {
  return Date.now() + clockOffsetMs;
}

const deviceListeners = new Set<(changes: DeviceChanges) => void>();
/** The stream carries changed devices: from the first page that asks for them on. */
let withDevices = false;
/** Changed devices of each second. Returns what ends the subscription. */
export function onDevices(listener: (changes: DeviceChanges) => void): () => void {
  deviceListeners.add(listener);
  if (!withDevices) {
    withDevices = true;
    if (source !== null) {
      source.close();
      open();
    }
  }
  return () => deviceListeners.delete(listener);
}

let source: EventSource | null = null;
let lastId = "";

/** Takes in the figures, and with them the server's clock. */
export function setSummary(next: Summary): void {
  clockOffsetMs = next.now_ms - Date.now();
  summary.set(next);
}

function open(): void {
  const query = new URLSearchParams({ devices: withDevices ? "all" : "none" });
  if (lastId !== "") query.set("last_event_id", lastId);
  const stream = new EventSource(`/api/v1/live?${query.toString()}`);
  source = stream;
  const on = <T>(name: string, handle: (data: T) => void): void => {
    stream.addEventListener(name, (event) => {
      if (source !== stream) return;
      const message = event as MessageEvent<string>;
      if (message.lastEventId !== "") lastId = message.lastEventId;
      if (connection.get() !== "live") connection.set("live");
      handle(JSON.parse(message.data) as T);
    });
  };
  on<Hello>("hello", (hello) => {
    setSummary(hello.summary);
    if (serverStart.get() !== 0 && serverStart.get() !== hello.started_ms) {
      alertVersion.set(alertVersion.get() + 1);
    }
    serverStart.set(hello.started_ms);
    // Which devices changed before this stream began nobody says.
    if (withDevices) missed.set(missed.get() + 1);
  });
  on<Tick>("tick", (tick) => {
    setSummary(tick.summary);
    pipeline.set(tick.pipeline);
    trend.set(tick.trend);
  });
  on<DeviceChanges>("devices", (changes) => {
    for (const listener of [...deviceListeners]) listener(changes);
  });
  on<Alert>("alert", (alert) => {
    lastAlert.set(alert);
    alertVersion.set(alertVersion.get() + 1);
  });
  on<object>("reset", () => {
    alertVersion.set(alertVersion.get() + 1);
    missed.set(missed.get() + 1);
  });
  // We read too slowly: which devices changed meanwhile nobody says again.
  on<object>("skipped", () => missed.set(missed.get() + 1));
  stream.addEventListener("error", () => {
    if (source !== stream) return;
    connection.set("lost");
    // After an HTTP error the browser gives up; we do not.
    if (stream.readyState === EventSource.CLOSED) window.setTimeout(reopen, 3000);
  });
}

function reopen(): void {
  // Signed out or paused meanwhile: nobody wants it.
  if (source !== null && connection.get() === "lost") {
    source.close();
    open();
  }
}

export function startLive(): void {
  if (source !== null || connection.get() === "paused") return;
  connection.set("connecting");
  open();
}

export function stopLive(): void {
  source?.close();
  source = null;
}

/** Paused: nothing on the page moves until it is live again. */
export function togglePause(): void {
  if (connection.get() === "paused") {
    connection.set("connecting");
    open();
  } else {
    stopLive();
    connection.set("paused");
  }
}

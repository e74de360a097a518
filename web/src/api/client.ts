// Requests to the API. Every failure is an ApiError whose message can be shown as it is.
import type {
  AlertPage, ChannelPage, DeadLetterPage, Delivery, DeliveryPage, DeviceDetail, DevicePage,
  HourlyPage, Meta, NewSilence, Pipeline, ReplayReport, Series, Session, SilencePage, StoredEvent,
  Summary,
} from "./types";

export class ApiError extends Error {
  /** `status` is 0 when no answer came. */
  constructor(readonly status: number, message: string) {
    super(message);
    this.name = "ApiError";
  }
}

export type Query = Record<string, string | number | undefined>;

let csrfToken: string | null = null;
let onUnauthorized: () => void = () => undefined;

/** The value of the session that requests which change something carry. */
export function setCsrfToken(token: string | null): void {
  csrfToken = token;
}

/** Called when the server answers 401: the session ended. */
export function setUnauthorizedHandler(handler: () => void): void {
  onUnauthorized = handler;
}

export function queryText(query: Query): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") params.set(name, String(value));
  }
  const text = params.toString();
  return text === "" ? "" : `?${text}`;
}

async function problemOf(response: Response): Promise<ApiError> {
  let detail = `${response.status} ${response.statusText}`;
  try {
    const body = (await response.json()) as { detail?: unknown; title?: unknown };
    if (typeof body.detail === "string" && body.detail !== "") detail = body.detail;
    else if (typeof body.title === "string") detail = body.title;
  } catch {
    // Not a problem document: the status line says what there is to say.
  }
  return new ApiError(response.status, detail);
}

async function request<T>(path: string, init: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: "same-origin", cache: "no-store", ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "The server does not answer. Is tocsin still running?");
  }
  if (response.status === 401 && !path.startsWith("/api/v1/session")) onUnauthorized();
  if (!response.ok) throw await problemOf(response);
  return (await response.json()) as T;
}

function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return request<T>(path + queryText(query), signal ? { signal } : {});
}

function post<T>(path: string, body: unknown): Promise<T> {
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  if (csrfToken !== null) headers["X-Tocsin-CSRF"] = csrfToken;
  return request<T>(path, { method: "POST", headers, body: JSON.stringify(body) });
}

export const api = {
  session: () => get<Session>("/api/v1/session"),
  login: (user: string, password: string) =>
    post<Session>("/api/v1/session/login", { user, password }),
  setup: (token: string, user: string, password: string) =>
    post<Session>("/api/v1/session/setup", { token, user, password }),
  logout: () => post<object>("/api/v1/session/logout", {}),

  meta: (signal?: AbortSignal) => get<Meta>("/api/v1/meta", {}, signal),
  summary: (signal?: AbortSignal) => get<Summary>("/api/v1/summary", {}, signal),
  pipeline: (signal?: AbortSignal) => get<Pipeline>("/api/v1/pipeline", {}, signal),
  devices: (query: Query, signal?: AbortSignal) =>
    get<DevicePage>("/api/v1/devices", query, signal),
  device: (id: string, signal?: AbortSignal) =>
    get<DeviceDetail>("/api/v1/device", { id }, signal),
  events: (device: string, limit: number, signal?: AbortSignal) =>
    get<{ events: StoredEvent[] }>("/api/v1/events", { device, limit }, signal),
  series: (query: Query, signal?: AbortSignal) => get<Series>("/api/v1/series", query, signal),
  alerts: (query: Query, signal?: AbortSignal) => get<AlertPage>("/api/v1/alerts", query, signal),
  hourly: (query: Query, signal?: AbortSignal) =>
    get<HourlyPage>("/api/v1/aggregates/hourly", query, signal),
  deadLetters: (query: Query, signal?: AbortSignal) =>
    get<DeadLetterPage>("/api/v1/dead-letters", query, signal),
  deliveries: (query: Query, signal?: AbortSignal) =>
    get<DeliveryPage>("/api/v1/deliveries", query, signal),
  delivery: (id: string, signal?: AbortSignal) =>
    get<{ delivery: Delivery | null }>("/api/v1/delivery", { id }, signal),
  channels: (signal?: AbortSignal) => get<ChannelPage>("/api/v1/channels", {}, signal),
  silences: (signal?: AbortSignal) => get<SilencePage>("/api/v1/silences", {}, signal),

  replay: (reason: string) => post<ReplayReport>("/api/v1/dead-letters/replay", { reason }),
  redeliver: (id: string) => post<object>("/api/v1/deliveries/redeliver", { id }),
  testChannel: (name: string) =>
    post<Record<string, unknown>>("/api/v1/channels/test", { name }),
  enableChannel: (name: string) => post<object>("/api/v1/channels/enable", { name }),
  addSilence: (silence: NewSilence) => post<{ id: string }>("/api/v1/silences", silence),
  expireSilence: (id: string) => post<object>("/api/v1/silences/expire", { id }),
  acknowledge: (fingerprint: string, comment: string) =>
    post<{ id: string }>("/api/v1/alerts/acknowledge", { fingerprint, comment }),
};

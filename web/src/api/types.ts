// The shapes of the HTTP API, as its OpenAPI description gives them. `…_ms` are Unix milliseconds.
// Device ids and every other text of an event are data of strangers: shown as text nodes only.

export interface Metric {
  name: string;
  unit: string;
  min: number;
  max: number;
  required: boolean;
  bool: boolean;
}

export interface Band {
  metric: string;
  rule: string;
  op: ">=" | ">" | "<=" | "<";
  value: number;
}

export interface Meta {
  version: string;
  started_ms: number;
  demo: boolean;
  refresh_seconds: number;
  offline_after_seconds: number;
  metrics: Metric[];
  bands: Band[];
  rules_file?: string | null;
  delivery: boolean;
}

export interface Summary {
  now_ms: number;
  events: number;
  devices: number;
  devices_online: number;
  devices_offline: number;
  devices_in_alert: number;
  alerts: number;
  alerts_firing: number;
  dead_letters: number;
  events_per_second: number;
  newest_event_ms: number | null;
}

export type DeviceState = "ok" | "alert" | "offline";

export interface Device {
  id: string;
  state: DeviceState;
  reasons: string[];
  last_seen_ms: number;
  event_ms: number;
  events: number;
  alerts: number;
  /** Newest value of each metric, in the order of `Meta.metrics`. */
  values: (number | null)[];
  status: string | null;
}

export interface DevicePage {
  total: number;
  offset: number;
  devices: Device[];
}

export interface Statistic {
  metric: string;
  count: number;
  min: number | null;
  max: number | null;
  avg: number | null;
}

export interface DeviceDetail {
  device: Device | null;
  statistics: Statistic[];
  since_ms?: number | null;
  alerts: Alert[];
}

export interface StoredEvent {
  partition: number;
  offset: number;
  received_ms: number;
  event: Record<string, unknown>;
}

export interface Series {
  metric: string;
  unit: string;
  device: string | null;
  kind: "samples" | "trend";
  from_ms: number;
  to_ms: number;
  bucket_ms: number;
  t: number[];
  v?: (number | null)[];
  avg?: (number | null)[];
  min?: (number | null)[];
  max?: (number | null)[];
  count?: number[];
  readings?: number;
  resolution_ms?: number;
}

export interface Alert {
  id: string;
  fingerprint: string;
  rule: string;
  severity: string;
  state: "firing" | "resolved";
  device_id: string;
  timestamp: string;
  starts_at: string;
  ends_at: string | null;
  starts_ms: number;
  ends_ms: number | null;
  value: number | null;
  event_count: number;
  reason: string;
  cause?: string;
  flapping?: boolean;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  silenced_by?: string;
  inhibited?: boolean;
  muted?: boolean;
}

export interface AlertPage {
  total: number;
  offset: number;
  complete: boolean;
  alerts: Alert[];
}

export interface HourlyRow {
  device_id: string;
  hour_ms: number;
  event_count: number;
  alert_count: number;
  metrics: Record<string, { avg: number | null; min: number | null; max: number | null }>;
}

export interface HourlyPage {
  total: number;
  offset: number;
  rows: HourlyRow[];
  written_ms: number | null;
}

export interface Topic {
  topic: string;
  partitions: number;
  records: number;
  bytes: number;
}

export interface Pipeline {
  now_ms: number;
  uptime_seconds: number;
  rates: { appended: number; processed: number; dead_letters: number; alerts: number };
  totals: {
    read: number;
    processed: number;
    duplicates: number;
    dead_letters: number;
    dlq: Record<string, number>;
    firing: number;
    resolved: number;
    generated?: number | null;
    unaccounted: number;
  };
  lag: number;
  watermark_ms: number | null;
  topics: Topic[];
  live: { devices: number; readings: number; bytes: number; behind: number; skipped: number };
  clients?: number;
}

export interface DeadLetter {
  partition: number;
  offset: number;
  timestamp_ms: number;
  reason: string;
  message: string | null;
  source: { topic?: string | null; partition?: number | null; offset?: number | null };
  stage: string | null;
  truncated: boolean;
  size: number | null;
  key?: string | null;
  key_base64?: string;
  value?: string;
  value_base64?: string;
}

export interface DeadLetterPage {
  letters: DeadLetter[];
  next: string | null;
  counts: Record<string, number>;
}

export interface ReplayReport {
  replayed: number;
  replayed_before: number;
  truncated: number;
}

export interface DeliveryAttempt {
  outcome?: string;
  at?: string | null;
  took_ms?: number;
  status?: number;
  message?: string;
}

export interface Delivery {
  id: string;
  state: "queued" | "sending" | "done" | "dead";
  channel: string;
  kind: string;
  receiver: string;
  group_key?: string;
  summary: string;
  attempts: number;
  firing?: number;
  resolved?: number;
  maybe_sent?: boolean;
  queued_at: string | null;
  due_at?: string | null;
  ended_at?: string | null;
  last_error?: string;
  log?: DeliveryAttempt[];
  message?: { content_type?: string; body?: string } | null;
}

export interface DeliveryPage {
  enabled: boolean;
  deliveries: Delivery[];
}

export interface Channel {
  name: string;
  kind: string;
  receiver: string;
  configured: boolean;
  disabled: boolean;
  breaker: string;
  paused_until?: string | null;
  queued?: number;
  sending?: number;
  delivered?: number;
  failed_attempts?: number;
  dead?: number;
  left_out?: number;
  last_dead_reason?: string;
}

export interface ChannelPage {
  enabled: boolean;
  channels: Channel[];
}

export interface Matcher {
  name: string;
  value: string;
  isRegex?: boolean;
  isEqual?: boolean;
}

export interface Silence {
  id: string;
  kind: "silence" | "acknowledge" | "shelve";
  matchers: Matcher[];
  startsAt: string;
  endsAt: string | null;
  createdBy: string;
  comment: string;
  createdAt: string;
  caught?: string;
  active?: boolean;
}

export interface NewSilence {
  kind?: "silence" | "shelve";
  matchers: Matcher[];
  duration_seconds: number;
  comment?: string;
}

export interface SilencePage {
  enabled: boolean;
  silences: Silence[];
}

export interface Session {
  auth: "off" | "required";
  setup: boolean;
  user: string | null;
  scopes: string[];
  csrf: string | null;
}

export interface TrendPoint {
  metric: string;
  minute_ms: number;
  avg: number | null;
  min: number | null;
  max: number | null;
  count: number;
}

export interface Hello {
  now_ms: number;
  version: string;
  started_ms: number;
  summary: Summary;
}

export interface Tick {
  now_ms: number;
  summary: Summary;
  pipeline: Pipeline;
  trend: TrendPoint[];
}

export interface DeviceChanges {
  now_ms: number;
  devices: Device[];
  more: boolean;
}

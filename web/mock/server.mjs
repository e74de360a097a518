// A mock of Tocsin's HTTP server: the API of the OpenAPI description over a simulated fleet, with
// the real security headers, so that the page can be built and tested without the program.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { Desk } from "./desk.mjs";
import { Fleet } from "./fleet.mjs";

export const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; manifest-src 'self'";

const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8", ".json": "application/json" };

class Problem extends Error {
  constructor(status, title, detail) {
    super(detail);
    this.status = status;
    this.title = title;
  }
}

function instant(text, fallback) {
  if (!text) return fallback;
  const ms = /^-?\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (!Number.isFinite(ms)) throw new Problem(400, "Bad Request", `from='${text}': Unix milliseconds or RFC 3339`);
  return ms;
}

/**
 * options: port, host, root (folder of the built page), devices, metrics, hostile, quiet, letters, delivery,
 * auth ("off" | "required"), setup, now (the clock begins there and goes on), slowMs.
 */
export async function startMock(options = {}) {
  const started = Date.now();
  const begin = options.now ?? started;
  const now = () => begin + (Date.now() - started);
  const fleet = new Fleet(options);
  const desk = new Desk(fleet, begin, options);
  const session = { auth: options.auth ?? "off", setup: options.setup ?? false, user: null };
  const requests = [];
  const lastEventIds = [];
  const clients = new Set();
  const per = fleet.ids.length / 5;

  const summary = () => {
    const t = now();
    const devices = fleet.ids.map((_, d) => fleet.device(d, t));
    const episodes = fleet.episodes(t - 24 * 3600_000, t);
    return {
      now_ms: t, events: Math.floor((t % 86400_000) / 5000) * fleet.ids.length, devices: devices.length,
      devices_online: devices.filter((d) => d.state !== "offline").length,
      devices_offline: devices.filter((d) => d.state === "offline").length,
      devices_in_alert: devices.filter((d) => d.alerts > 0).length, alerts: episodes.length,
      alerts_firing: episodes.filter((e) => e.end > t).length, dead_letters: desk.letters.length,
      events_per_second: per, newest_event_ms: fleet.ids.length === 0 ? null : t - 80,
    };
  };
  const pipeline = () => {
    const t = now();
    const read = Math.floor((t % 86400_000) / 5000) * fleet.ids.length + desk.letters.length;
    return {
      now_ms: t, uptime_seconds: (t - begin) / 1000 + 5400,
      rates: { appended: per + 0.2, processed: per, dead_letters: 0.2, alerts: 0.1 },
      totals: { read, processed: read - desk.letters.length, duplicates: 0, dead_letters: desk.letters.length, dlq: desk.letterPage({ limit: 1 }).counts, firing: 41, resolved: 38, generated: read, unaccounted: 0 },
      lag: Math.floor(t / 1000) % 7, watermark_ms: t - 90,
      topics: ["iot.raw", "iot.processed", "iot.alerts", "iot.dlq"].map((topic, i) => ({ topic, partitions: 4, records: [read, read, 79, desk.letters.length][i], bytes: [read * 60, read * 66, 30_000, 40_000][i] })),
      live: { devices: fleet.ids.length, readings: fleet.ids.length * 720, bytes: fleet.ids.length * 30_000, behind: 0, skipped: 0 }, clients: clients.size,
    };
  };
  const decorated = (alert) => ({ ...alert, silenced_by: alert.state === "firing" ? desk.caughtBy(alert) : "" });
  const metricIndex = (name) => {
    const m = fleet.metrics.findIndex((metric) => metric.name === name);
    if (m < 0) throw new Problem(400, "Bad Request", `metric='${name}': none of the declared metrics`);
    return m;
  };

  const routes = {
    "GET /api/v1/session": () => ({ auth: session.auth, setup: session.setup, user: session.user, scopes: session.auth === "off" || session.user ? ["ingest", "read", "write"] : [], csrf: session.user ? "mock-csrf" : null }),
    "POST /api/v1/session/login": (q, body) => {
      if (body.user !== "anna" || body.password !== "correct horse battery") throw new Problem(401, "Unauthorized", "user or password are wrong");
      session.user = "anna";
      return routes["GET /api/v1/session"]();
    },
    "POST /api/v1/session/setup": (q, body) => {
      if (body.token !== "mock-token") throw new Problem(403, "Forbidden", "this is not the set-up token that the server printed");
      if ((body.password ?? "").length < 12) throw new Problem(400, "Bad Request", "password: at least 12 characters");
      Object.assign(session, { setup: false, user: body.user });
      return routes["GET /api/v1/session"]();
    },
    "POST /api/v1/session/logout": () => {
      session.user = null;
      return {};
    },
    "GET /api/v1/meta": () => ({
      version: "0.1.0-mock", started_ms: begin, demo: true, refresh_seconds: 30, offline_after_seconds: 60, metrics: fleet.metrics,
      bands: [{ metric: "temperature", rule: "temperature_high", op: ">=", value: 50 }, { metric: "humidity", rule: "humidity_low", op: "<=", value: 25 }],
      rules_file: null, delivery: desk.enabled,
    }),
    "GET /api/v1/summary": summary,
    "GET /api/v1/pipeline": pipeline,
    "GET /api/v1/devices": (q) => {
      const t = now();
      let all = fleet.ids.map((_, d) => fleet.device(d, t));
      const search = (q.get("search") ?? "").toLowerCase();
      if (search) all = all.filter((device) => device.id.toLowerCase().includes(search));
      const state = q.get("state") ?? "all";
      if (state === "alert") all = all.filter((device) => device.alerts > 0);
      if (state === "online") all = all.filter((device) => device.state !== "offline");
      if (state === "offline") all = all.filter((device) => device.state === "offline");
      const sort = q.get("sort") ?? "device_id";
      const m = fleet.metrics.findIndex((metric) => metric.name === sort);
      const rank = { alert: 0, offline: 1, ok: 2 };
      const key = m >= 0 ? (d) => d.values[m] ?? -Infinity : { device_id: (d) => d.id, last_seen: (d) => d.last_seen_ms, events: (d) => d.events, state: (d) => rank[d.state] }[sort];
      if (!key) throw new Problem(400, "Bad Request", `sort='${sort}': device_id, last_seen, state, events or a metric`);
      const sign = q.get("order") === "desc" ? -1 : 1;
      all.sort((a, b) => (key(a) < key(b) ? -sign : key(a) > key(b) ? sign : a.id < b.id ? -1 : 1));
      const offset = Number(q.get("offset") ?? 0);
      return { total: all.length, offset, devices: all.slice(offset, offset + Number(q.get("limit") ?? 100)) };
    },
    "GET /api/v1/device": (q) => {
      const d = fleet.index.get(q.get("id"));
      if (d === undefined) return { device: null, statistics: [], since_ms: null, alerts: [] };
      const t = now();
      const statistics = fleet.metrics.map((metric, m) => {
        const values = fleet.samples(d, m, t - 3600_000, t, 300, t).v.filter((v) => v !== null);
        return { metric: metric.name, count: values.length, min: values.length ? Math.min(...values) : null, max: values.length ? Math.max(...values) : null, avg: values.length ? values.reduce((a, b) => a + b, 0) / values.length : null };
      });
      return { device: fleet.device(d, t), statistics, since_ms: t - 3600_000, alerts: fleet.alerts(t).filter((a) => a.device_id === q.get("id")).slice(0, 50).map(decorated) };
    },
    "GET /api/v1/events": (q) => {
      const d = fleet.index.get(q.get("device"));
      if (d === undefined) return { events: [] };
      const events = [];
      for (let at = fleet.lastEvent(d, now()), i = 0; events.length < Math.min(Number(q.get("limit") ?? 100), 200) && i < 400; at -= 5000, i += 1) {
        if (!fleet.sends(d, at)) continue;
        const values = Object.fromEntries(fleet.metrics.map((metric, m) => [metric.name, fleet.value(d, m, at)]));
        events.push({ partition: d % 4, offset: 100_000 - i, received_ms: at + 40, event: { device_id: fleet.ids[d], timestamp: new Date(at).toISOString(), ...values, status: "OK", is_alert: values.temperature >= 50 || values.humidity <= 25, reason: values.temperature >= 50 ? "temperature_high" : null } });
      }
      return { events };
    },
    "GET /api/v1/series": (q) => {
      const t = now();
      const to = instant(q.get("to"), t);
      const from = instant(q.get("from"), to - 3600_000);
      const m = metricIndex(q.get("metric"));
      const points = Math.min(Number(q.get("points") ?? 500), 4000);
      const base = { metric: fleet.metrics[m].name, unit: fleet.metrics[m].unit, device: q.get("device"), from_ms: from, to_ms: to };
      if (!q.has("device")) return { ...base, device: null, ...fleet.trend(m, from, to, Math.min(points, 200), t) };
      const d = fleet.index.get(q.get("device"));
      if (d === undefined) return { ...base, kind: "samples", bucket_ms: 1, t: [], v: [], readings: 0 };
      return { ...base, ...fleet.samples(d, m, from, to, Math.min(points, 400), t) };
    },
    "GET /api/v1/alerts": (q) => {
      const t = now();
      let all = fleet.alerts(t, instant(q.get("from"), t - 24 * 3600_000), instant(q.get("to"), t));
      for (const [name, member] of [["severity", "severity"], ["rule", "rule"], ["device", "device_id"]]) {
        if (q.get(name)) all = all.filter((alert) => alert[member] === q.get(name));
      }
      if (q.get("state") && q.get("state") !== "all") all = all.filter((alert) => alert.state === q.get("state"));
      const search = (q.get("search") ?? "").toLowerCase();
      if (search) all = all.filter((a) => a.device_id.toLowerCase().includes(search) || a.rule.includes(search));
      const offset = Number(q.get("offset") ?? 0);
      return { total: all.length, offset, complete: true, alerts: all.slice(offset, offset + Number(q.get("limit") ?? 100)).map(decorated) };
    },
    "GET /api/v1/aggregates/hourly": (q) => {
      const t = now();
      const rows = [];
      const limit = Number(q.get("limit") ?? 20);
      for (let hour = Math.floor(t / 3600_000) * 3600_000; rows.length < limit && hour > t - 48 * 3600_000; hour -= 3600_000) {
        for (let d = 0; d < fleet.ids.length && rows.length < limit; d += 1) {
          if (q.get("device") && fleet.ids[d] !== q.get("device")) continue;
          const metrics = {};
          for (const [m, metric] of fleet.metrics.entries()) {
            const values = Array.from({ length: 12 }, (_, i) => fleet.value(d, m, hour + i * 300_000));
            metrics[metric.name] = { avg: values.reduce((a, b) => a + b, 0) / 12, min: Math.min(...values), max: Math.max(...values) };
          }
          rows.push({ device_id: fleet.ids[d], hour_ms: hour, event_count: 720, alert_count: fleet.episodes(hour, hour + 3600_000).filter((e) => e.device === d).length * 9, metrics });
        }
      }
      return { total: fleet.ids.length * 48, offset: 0, rows, written_ms: fleet.ids.length === 0 ? null : t - 21_000 };
    },
    "GET /api/v1/dead-letters": (q) => desk.letterPage({ reason: q.get("reason"), before: q.get("before"), limit: Number(q.get("limit") ?? 50) }),
    "POST /api/v1/dead-letters/replay": (q, body) => desk.replay(body.reason),
    "GET /api/v1/deliveries": (q) => ({
      enabled: desk.enabled,
      deliveries: desk.enabled ? desk.deliveries.filter((d) => (!q.get("state") || d.state === q.get("state")) && (!q.get("channel") || d.channel === q.get("channel"))).slice(0, Number(q.get("limit") ?? 100)).map(({ log, message, ...rest }) => rest) : [],
    }),
    "GET /api/v1/delivery": (q) => ({ delivery: desk.deliveries.find((d) => d.id === q.get("id")) ?? null }),
    "POST /api/v1/deliveries/redeliver": (q, body) => {
      const found = desk.deliveries.find((d) => d.id === body.id);
      if (!found) throw new Problem(404, "Not Found", `no delivery has the id '${body.id}'`);
      Object.assign(found, { state: "queued", ended_at: null });
      return {};
    },
    "GET /api/v1/channels": () => ({ enabled: desk.enabled, channels: desk.enabled ? desk.channels : [] }),
    "POST /api/v1/channels/test": () => ({ outcome: "delivered", status: 200, message: "200 OK" }),
    "POST /api/v1/channels/enable": (q, body) => {
      for (const channel of desk.channels) if (channel.name === body.name) channel.disabled = false;
      return {};
    },
    "GET /api/v1/silences": () => ({ enabled: desk.enabled, silences: desk.enabled ? desk.silences : [] }),
    "POST /api/v1/silences": (q, body) => ({ id: desk.add(body.kind ?? "silence", body.matchers, body.duration_seconds, body.comment, now()) }),
    "POST /api/v1/silences/expire": (q, body) => {
      for (const silence of desk.silences) if (silence.id === body.id) Object.assign(silence, { active: false, endsAt: new Date(now()).toISOString() });
      return {};
    },
    "POST /api/v1/alerts/acknowledge": (q, body) => ({ id: desk.add("acknowledge", [], 0, body.comment, now(), body.fingerprint) }),
  };

  const seen = new Map();
  function liveFrame() {
    const t = now();
    const changed = [];
    for (let d = 0; d < fleet.ids.length && changed.length < 2000; d += 1) {
      const at = fleet.lastEvent(d, t);
      if (seen.get(d) === at) continue;
      seen.set(d, at);
      changed.push(fleet.device(d, t));
    }
    const trend = fleet.metrics.map((metric, m) => ({ metric: metric.name, minute_ms: t - (t % 60_000), avg: null, min: null, max: null, count: 0, m })).map(({ m, ...rest }) => rest);
    return { tick: { now_ms: t, summary: summary(), pipeline: pipeline(), trend, skipped: 0 }, devices: { now_ms: t, devices: changed, more: false } };
  }
  let eventId = 0;
  const frame = (name, data) => `id: 0:${eventId}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
  const firingBefore = new Set(fleet.alerts(begin).filter((a) => a.state === "firing").map((a) => a.id));
  const timer = setInterval(() => {
    if (clients.size === 0) return;
    const { tick, devices } = liveFrame();
    let text = frame("tick", tick);
    const details = devices.devices.length > 0 ? frame("devices", devices) : "";
    for (const alert of fleet.alerts(now(), now() - 3600_000)) {
      const fires = alert.state === "firing";
      if (fires === firingBefore.has(alert.id)) continue;
      if (fires) firingBefore.add(alert.id);
      else firingBefore.delete(alert.id);
      eventId += 1;
      text += frame("alert", alert);
    }
    for (const client of clients) client.write(client.withDevices ? text + details : text);
  }, 1000);

  async function body(request) {
    let text = "";
    for await (const chunk of request) text += chunk;
    try {
      return text === "" ? {} : JSON.parse(text);
    } catch {
      throw new Problem(400, "Bad Request", "the body is no JSON");
    }
  }

  async function asset(path) {
    const name = path === "/" || !path.includes(".") ? "/index.html" : normalize(path);
    const content = await readFile(join(options.root, name));
    return { content, type: types[extname(name)] ?? "application/octet-stream" };
  }

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://localhost");
    response.setHeader("Content-Security-Policy", contentSecurityPolicy);
    response.setHeader("X-Content-Type-Options", "nosniff");
    try {
      if (!url.pathname.startsWith("/api/")) {
        const found = await asset(url.pathname);
        response.writeHead(200, { "Content-Type": found.type });
        response.end(found.content);
        return;
      }
      requests.push(`${request.method} ${url.pathname}${url.search}`);
      const route = routes[`${request.method} ${url.pathname}`];
      const open = url.pathname.startsWith("/api/v1/session");
      if (session.auth === "required" && !session.user && !open) throw new Problem(401, "Unauthorized", "sign in first");
      if (url.pathname === "/api/v1/live") {
        lastEventIds.push(request.headers["last-event-id"] ?? url.searchParams.get("last_event_id") ?? "");
        response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
        response.write(frame("hello", { now_ms: now(), version: "0.1.0-mock", started_ms: begin, summary: summary() }));
        response.withDevices = url.searchParams.get("devices") !== "none";
        clients.add(response);
        request.on("close", () => clients.delete(response));
        return;
      }
      if (!route) throw new Problem(404, "Not Found", `nothing is at ${url.pathname}`);
      if (request.method === "POST" && session.user && request.headers["x-tocsin-csrf"] !== "mock-csrf") throw new Problem(403, "Forbidden", "X-Tocsin-CSRF is missing or wrong");
      const answer = route(url.searchParams, request.method === "POST" ? await body(request) : {});
      if (options.slowMs) await new Promise((resolve) => setTimeout(resolve, options.slowMs));
      response.writeHead(200, { "Content-Type": "application/json" });
      response.end(JSON.stringify(answer));
    } catch (error) {
      const status = error instanceof Problem ? error.status : error.code === "ENOENT" ? 404 : 500;
      response.writeHead(status, { "Content-Type": "application/problem+json" });
      response.end(JSON.stringify({ type: "about:blank", title: error.title ?? "Error", status, detail: error.message }));
    }
  });
  await new Promise((resolve) => server.listen(options.port ?? 0, options.host ?? "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    fleet, desk, requests, lastEventIds, session,
    clientCount: () => clients.size,
    dropClients() {
      for (const client of clients) client.destroy();
    },
    async stop() {
      clearInterval(timer);
      this.dropClients();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

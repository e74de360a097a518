// A fleet that exists as a function of time only: any value, alert or gap of any device at any
// instant, the same in every run. The mock server answers from it.

const blockMs = 2 * 3600_000;
export const intervalMs = 5_000;

/** A number in [0, 1) of two integers. */
export function noise(a, b) {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul((b | 0) + 0x7f4a7c15, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return ((h ^ (h >>> 15)) >>> 0) / 2 ** 32;
}

function smooth(seed, t, stepMs) {
  const at = t / stepMs;
  const low = Math.floor(at);
  const f = at - low;
  const ease = f * f * (3 - 2 * f);
  return noise(seed, low) * (1 - ease) + noise(seed, low + 1) * ease - 0.5;
}

export const allMetrics = [
  { name: "temperature", unit: "°C", min: -50, max: 120, required: true, bool: false },
  { name: "humidity", unit: "%", min: 0, max: 100, required: true, bool: false },
  { name: "co2", unit: "ppm", min: 0, max: 10000, required: false, bool: false },
  { name: "light", unit: "lux", min: 0, max: 100000, required: false, bool: false },
  { name: "motion", unit: "", min: 0, max: 1, required: false, bool: true },
];

export const hostileNames = [
  "<img src=x onerror=\"window.pwned=1\">",
  "<script>window.pwned=1</script>",
  "javascript:window.pwned=1",
  "../../api/v1/session?x=1#y&device=z",
  "'\"><svg/onload=window.pwned=1>",
  "{{constructor.constructor('window.pwned=1')()}}",
  "\u202etxt.exe_ved",
  "line\nbreak\ttab\u0000nul",
  "Ω≈ç√∫˜µ≤≥÷ 温度センサー 🌡️",
  "=HYPERLINK(\"http://example.com\",\"x\")",
  "%2e%2e%2f%00%0d%0aSet-Cookie: a=b",
  "x".repeat(256),
  "__proto__",
  " ",
];

export class Fleet {
  constructor({ devices = 24, metrics = 2, hostile = false, quiet = false }) {
    this.metrics = allMetrics.slice(0, metrics);
    this.ids = Array.from({ length: devices }, (_, i) => `dev_${String(i + 1).padStart(String(devices).length, "0")}`);
    if (hostile) this.ids.push(...hostileNames);
    this.index = new Map(this.ids.map((id, i) => [id, i]));
    this.quiet = quiet;
    this.blocks = new Map();
    this.byDevice = new Map();
  }

  /** Alert episodes that begin in a block of two hours. */
  episodesOf(block) {
    const known = this.blocks.get(block);
    if (known) return known;
    const made = [];
    if (!this.quiet) {
      for (let d = 0; d < this.ids.length; d += 1) {
        const chance = noise(d, 7) < 0.25 ? 0.35 : 0.05;
        if (noise(d * 31 + 1, block) >= chance) continue;
        const humid = noise(d * 31 + 2, block) < 0.35;
        const start = Math.round(block * blockMs + noise(d * 31 + 3, block) * blockMs * 0.8);
        const length = Math.round(60_000 + noise(d * 31 + 4, block) ** 2 * 50 * 60_000);
        const severity = !humid && noise(d * 31 + 5, block) < 0.3 ? "critical" : "warning";
        made.push({ device: d, rule: humid ? "humidity_low" : "temperature_high", severity, start, end: start + length });
      }
      made.sort((a, b) => a.start - b.start);
    }
    if (this.blocks.size > 2000) {
      this.blocks.clear();
      this.byDevice.clear();
    }
    this.blocks.set(block, made);
    this.byDevice.set(block, new Map());
    for (const e of made) this.byDevice.get(block).set(e.device, [...(this.byDevice.get(block).get(e.device) ?? []), e]);
    return made;
  }

  /** Episodes that overlap [from, to], oldest first. */
  episodes(from, to) {
    const out = [];
    for (let block = Math.floor(from / blockMs) - 1; block <= Math.floor(to / blockMs); block += 1) {
      for (const episode of this.episodesOf(block)) {
        if (episode.start <= to && episode.end >= from) out.push(episode);
      }
    }
    return out;
  }

  deviceEpisodes(d, t) {
    const block = Math.floor(t / blockMs);
    const of = (b) => {
      this.episodesOf(b);
      return this.byDevice.get(b)?.get(d) ?? [];
    };
    return [...of(block - 1), ...of(block)].filter((e) => e.start <= t && e.end >= t);
  }

  /** The episodes that fire at an instant, by device; remembered for the last instant asked for. */
  firingAt(t) {
    if (this.firingTime !== t) {
      this.firingTime = t;
      this.firing = new Map();
      for (const e of this.episodes(t, t)) this.firing.set(e.device, [...(this.firing.get(e.device) ?? []), e]);
    }
    return this.firing;
  }

  /** Whether the device sends at that time: some are away now and then, a few for long. */
  sends(d, t) {
    if (noise(d, 91) < 0.04) return Math.floor(t / 86400_000) % 2 === 0 && t % 86400_000 < 2 * 3600_000;
    const slot = Math.floor(t / 1800_000);
    return noise(d * 17 + 3, slot) > 0.012;
  }

  value(d, m, t) {
    const metric = this.metrics[m];
    const seed = d * 64 + m * 8;
    const day = Math.sin(((t % 86400_000) / 86400_000) * 2 * Math.PI - 1.9 + noise(d, 5) * 0.5);
    const slow = smooth(seed, t, 1_500_000);
    const fast = noise(seed + 1, Math.floor(t / intervalMs)) - 0.5;
    let value;
    if (metric.name === "temperature") value = 30 + noise(d, 11) * 6 + day * 5 + slow * 7 + fast * 0.8;
    else if (metric.name === "humidity") value = 52 + noise(d, 12) * 10 - day * 9 + slow * 10 + fast * 1.2;
    else if (metric.name === "co2") value = 600 + noise(d, 13) * 200 + day * 120 + slow * 260 + fast * 20;
    else if (metric.name === "light") value = Math.max(0, 400 + day * 600 + slow * 180 + fast * 20);
    else return smooth(seed, t, 600_000) + day * 0.2 > 0.05 ? 1 : 0;
    for (const e of this.deviceEpisodes(d, t)) {
      const ramp = Math.min(1, (t - e.start) / 60_000, (e.end - t) / 30_000);
      if (e.rule === "temperature_high" && metric.name === "temperature") value = Math.max(value, 51) + 8 * Math.max(0, ramp) * (0.4 + noise(d, e.start));
      if (e.rule === "humidity_low" && metric.name === "humidity") value = Math.min(value, 24) - 4 * Math.max(0, ramp) * noise(d, e.start);
    }
    return Number(value.toFixed(2));
  }

  lastEvent(d, now) {
    let t = now - (now % intervalMs) - Math.floor(noise(d, 3) * intervalMs);
    for (let steps = 0; steps < 60; steps += 1) {
      if (this.sends(d, t)) return t;
      t = Math.floor(t / 1800_000) * 1800_000 - 1;
    }
    return t;
  }

  device(d, now) {
    const at = this.lastEvent(d, now);
    const firing = this.firingAt(now).get(d) ?? [];
    const offline = now - at > 60_000;
    return {
      id: this.ids[d],
      state: offline ? "offline" : firing.length > 0 ? "alert" : "ok",
      reasons: firing.map((e) => e.rule),
      last_seen_ms: at + 40,
      event_ms: at,
      events: Math.floor((at % 86400_000) / intervalMs),
      alerts: firing.length,
      values: this.metrics.map((_, m) => this.value(d, m, at)),
      status: "OK",
    };
  }

  alert(e, now) {
    const id = `${e.device.toString(16).padStart(4, "0")}${Math.floor(e.start / 1000).toString(16).padStart(12, "0")}`.slice(0, 16);
    const firing = e.end > now;
    const metric = e.rule === "humidity_low" ? 1 : 0;
    const iso = (ms) => new Date(ms).toISOString().replace("Z", "000Z");
    return {
      id,
      fingerprint: `fp${e.device.toString(16)}${e.rule}`,
      rule: e.rule,
      severity: e.severity,
      state: firing ? "firing" : "resolved",
      device_id: this.ids[e.device],
      timestamp: iso(firing ? e.start : e.end),
      starts_at: iso(e.start),
      ends_at: firing ? null : iso(e.end),
      starts_ms: e.start,
      ends_ms: firing ? null : e.end,
      value: this.value(e.device, metric, Math.min(now, e.end) - 35_000),
      event_count: Math.max(1, Math.floor((Math.min(now, e.end) - e.start) / intervalMs)),
      reason: e.rule,
      labels: { site: e.device % 2 === 0 ? "north" : "south", gateway: `gw_${e.device % 5}` },
      annotations: { summary: `${this.ids[e.device]} ${e.rule === "humidity_low" ? "reads a low humidity" : "reads a high temperature"}` },
      silenced_by: "",
      inhibited: false,
      muted: false,
    };
  }

  alerts(now, from = now - 24 * 3600_000, to = now) {
    return this.episodes(from, Math.min(to, now)).reverse().map((e) => this.alert(e, now));
  }

  samples(d, m, from, to, points, now) {
    const end = Math.min(to, now);
    const bucket = Math.max((to - from) / points, intervalMs);
    const t = [];
    const v = [];
    let readings = 0;
    const jump = Math.max(intervalMs, bucket / 6);
    for (let start = from; start < end; start += bucket) {
      let low = null;
      let high = null;
      for (let at = start; at < Math.min(start + bucket, end); at += jump) {
        const when = at - (at % intervalMs);
        if (!this.sends(d, when)) continue;
        readings += jump / intervalMs;
        const value = this.value(d, m, when);
        if (!low || value < low.value) low = { at: when, value };
        if (!high || value > high.value) high = { at: when, value };
      }
      if (!low) {
        if (t.length > 0 && v[v.length - 1] !== null) {
          t.push(start);
          v.push(null);
        }
        continue;
      }
      for (const point of low.at === high.at ? [low] : low.at < high.at ? [low, high] : [high, low]) {
        if (t.length > 0 && point.at <= t[t.length - 1]) continue;
        t.push(point.at);
        v.push(point.value);
      }
    }
    return { kind: "samples", bucket_ms: bucket, t, v, readings: Math.round(readings) };
  }

  trend(m, from, to, points, now) {
    const bucket = Math.max((to - from) / points, to - from > 12 * 3600_000 ? 600_000 : 60_000);
    const sample = Math.max(1, Math.floor(this.ids.length / 24));
    const out = { kind: "trend", bucket_ms: bucket, t: [], avg: [], min: [], max: [], count: [], readings: 0, resolution_ms: bucket };
    for (let start = Math.floor(from / bucket) * bucket; start < Math.min(to, now); start += bucket) {
      let sum = 0;
      let n = 0;
      let low = Infinity;
      let high = -Infinity;
      for (let d = 0; d < this.ids.length; d += sample) {
        if (!this.sends(d, start)) continue;
        const value = this.value(d, m, start);
        sum += value;
        n += 1;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
      if (n === 0) continue;
      out.t.push(start);
      out.avg.push(Number((sum / n).toFixed(3)));
      out.min.push(low);
      out.max.push(high);
      const readings = Math.round((this.ids.length * bucket) / intervalMs);
      out.count.push(readings);
      out.readings += readings;
    }
    return out;
  }
}

// Dead letters, deliveries, channels and silences of the mock server: made up, changed by requests.
import { noise } from "./fleet.mjs";

const messages = {
  invalid_json: "unexpected character at byte 31",
  out_of_range: "temperature=400 is not in -50 to 120",
  missing_field: "timestamp is missing",
  bad_timestamp: "timestamp \"yesterday\" is none",
  invalid_utf8: "byte 14 is no UTF-8",
  too_large: "70123 bytes; at most 65536",
};
const reasons = Object.keys(messages);
const valueOf = (reason, device, i) => ({
  invalid_json: `{"device_id":${JSON.stringify(device)},"temperature":2`,
  out_of_range: JSON.stringify({ device_id: device, timestamp: "2026-11-27T03:00:00Z", temperature: 400, humidity: 50 + (i % 9), status: "OK" }),
  missing_field: JSON.stringify({ device_id: device, temperature: 31.4, humidity: 44 }),
  bad_timestamp: JSON.stringify({ device_id: device, timestamp: "yesterday", temperature: 31.4, humidity: 44 }),
  too_large: `{"device_id":${JSON.stringify(device)},"padding":"${"x".repeat(600)}`,
})[reason];

export class Desk {
  constructor(fleet, now, { letters = 137, delivery = true }) {
    this.enabled = delivery;
    this.letters = Array.from({ length: letters }, (_, i) => {
      const reason = reasons[Math.floor(noise(i, 404) ** 2 * reasons.length)];
      const device = fleet.ids[Math.floor(noise(i, 405) * fleet.ids.length)];
      const letter = {
        partition: i % 4, offset: Math.floor(i / 4), timestamp_ms: now - (letters - i) * 97_000, reason,
        message: messages[reason], source: { topic: "iot.raw", partition: i % 4, offset: 1000 + i * 13 },
        stage: "process", truncated: reason === "too_large", size: reason === "too_large" ? 70123 : null, key: device,
      };
      if (reason === "invalid_utf8") letter.value_base64 = Buffer.from([123, 34, 0xff, 0xfe, 34, 125]).toString("base64");
      else letter.value = valueOf(reason, device, i);
      return letter;
    }).reverse();
    const iso = (ms) => new Date(ms).toISOString();
    this.channels = [
      ["ops/slack[0]", "slack", "closed"], ["ops/email[0]", "email", "closed"],
      ["night/pagerduty[0]", "pagerduty", "open"], ["ops/webhook[0]", "webhook", "closed"],
    ].map(([name, kind, breaker], i) => ({
      name, kind, receiver: name.split("/")[0], configured: true, disabled: i === 3, breaker,
      paused_until: i === 2 ? iso(now + 90_000) : null, queued: i === 2 ? 4 : 0, sending: 0,
      done_kept: 120, dead_kept: i === 3 ? 6 : 0, delivered: 120 + 60 * i, failed_attempts: i * 7,
      dead: i === 3 ? 6 : 0, left_out: 0, outbox_bytes: 12_000,
      last_dead_reason: i === 3 ? "the service answered 410 Gone" : "",
    }));
    this.deliveries = fleet.alerts(now).slice(0, 60).map((alert, i) => {
      const channel = this.channels[i % 4];
      const state = i % 4 === 2 && i < 12 ? "queued" : i % 4 === 3 && i < 24 ? "dead" : "done";
      const queued = alert.ends_ms ?? alert.starts_ms;
      const failed = state === "done" ? i % 3 === 0 : true;
      const log = [];
      if (failed) {
        log.push({ outcome: state === "dead" ? "dead" : "retry", at: iso(queued + 300), took_ms: 231.4, status: state === "dead" ? 410 : 503, message: state === "dead" ? "410 Gone" : "503 Service Unavailable" });
      }
      if (state === "done") log.push({ outcome: "delivered", at: iso(queued + 2400), took_ms: 84.2, status: 200, message: "200 OK" });
      return {
        id: (0x4f0c2d9a1b00 + i * 7919).toString(16).padStart(16, "0"), state, channel: channel.name, kind: channel.kind,
        receiver: channel.receiver, group_key: `{}:{alertname="${alert.rule}"}`,
        summary: `${alert.state === "firing" ? "FIRING" : "RESOLVED"} ${alert.rule} ${alert.device_id}`,
        attempts: log.length, firing: alert.state === "firing" ? 1 : 0, resolved: alert.state === "firing" ? 0 : 1,
        maybe_sent: false, meta: false, queued_at: iso(queued), due_at: state === "queued" ? iso(now + 45_000) : null,
        ended_at: state === "queued" ? null : iso(queued + 2500), last_error: failed ? log[0].message : "", message_bytes: 412, log,
        message: { content_type: "application/json", body: JSON.stringify({ status: alert.state, alerts: [{ labels: { alertname: alert.rule, device_id: alert.device_id }, annotations: alert.annotations }] }) },
      };
    });
    this.silences = [
      { kind: "silence", name: "device_id", value: "press_.*", isRegex: true, from: -3600_000, to: 3600_000, comment: "Maintenance of the presses" },
      { kind: "silence", name: "site", value: "south", isRegex: false, from: -90000_000, to: -80000_000, comment: "Power test" },
    ].map((s, i) => ({
      id: `5113ce000000000${i}`, kind: s.kind, matchers: [{ name: s.name, value: s.value, isRegex: s.isRegex, isEqual: true }],
      startsAt: iso(now + s.from), endsAt: iso(now + s.to), createdBy: "anna", comment: s.comment,
      createdAt: iso(now + s.from), caught: "", active: s.to > 0,
    }));
  }

  letterPage({ reason, before, limit }) {
    const all = this.letters.filter((letter) => !reason || letter.reason === reason);
    const from = before ? Number(before) : 0;
    const counts = Object.fromEntries(reasons.map((name) => [name, this.letters.filter((l) => l.reason === name).length]));
    return { letters: all.slice(from, from + limit), next: from + limit < all.length ? String(from + limit) : null, counts };
  }

  replay(reason) {
    const chosen = this.letters.filter((letter) => !reason || letter.reason === reason);
    const fresh = chosen.filter((letter) => !letter.replayed && !letter.truncated);
    const report = { replayed: fresh.length, replayed_before: chosen.filter((l) => l.replayed).length, truncated: chosen.filter((l) => l.truncated).length };
    for (const letter of fresh) letter.replayed = true;
    return report;
  }

  add(kind, matchers, durationSeconds, comment, now, caught = "") {
    const id = Math.floor(noise(this.silences.length, 77) * 2 ** 48).toString(16).padStart(16, "0");
    this.silences.unshift({
      id, kind, matchers, startsAt: new Date(now).toISOString(),
      endsAt: durationSeconds ? new Date(now + durationSeconds * 1000).toISOString() : null,
      createdBy: "you", comment: comment ?? "", createdAt: new Date(now).toISOString(), caught, active: true,
    });
    return id;
  }

  /** The id of the silence or acknowledgement that catches the alert, or "". */
  caughtBy(alert) {
    const labels = { ...alert.labels, alertname: alert.rule, device_id: alert.device_id, severity: alert.severity };
    const hit = this.silences.find((s) => s.active && (s.caught
      ? s.caught === alert.fingerprint
      : s.matchers.every((m) => (m.isRegex ? new RegExp(`^(?:${m.value})$`).test(labels[m.name] ?? "") : (labels[m.name] ?? "") === m.value) === (m.isEqual ?? true))));
    return hit ? hit.id : "";
  }
}

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Alert, Delivery, Device, Metric } from "../src/api/types";
import { queryText } from "../src/api/client";
import { messagesAbout } from "../src/components/alert_drawer";
import { visibleWindow } from "../src/components/window";
import { bodyText } from "../src/pages/dead_letters";
import { matcherText } from "../src/pages/alerts";
import { FleetView, matches, sorted } from "../src/state/fleet";
import { KeyReader } from "../src/state/keys";
import { href } from "../src/state/location";
import { Store } from "../src/state/store";
import { boundsOf, parseDuration, parseInstant, rangeOf, zoomedOut } from "../src/state/time_range";

const now = Date.UTC(2026, 10, 27, 4, 0, 0);
const metrics: Metric[] = [{ name: "temperature", unit: "°C", min: -50, max: 120, required: true, bool: false }];

function device(id: string, part: Partial<Device> = {}): Device {
  return {
    id, state: "ok", reasons: [], last_seen_ms: now, event_ms: now, events: 1, alerts: 0, values: [20], status: "OK", ...part,
  };
}

test("durations and instants of the address; what cannot be read is nothing", () => {
  assert.equal(parseDuration("15m"), 900);
  assert.equal(parseDuration("7d"), 604_800);
  for (const bad of ["", "m", "0m", "1.5h", "-1h", "15x", "99999999d"]) assert.equal(parseDuration(bad), null, bad);
  assert.equal(parseInstant("1764216000000"), 1764216000000);
  assert.equal(parseInstant("2026-11-27T04:00:00Z"), now);
  assert.equal(parseInstant("<script>"), null);
});

test("the range of an address: relative, absolute, or the default when it makes no sense", () => {
  assert.deepEqual(rangeOf(new URLSearchParams("range=6h")), { kind: "last", seconds: 21_600, text: "6h" });
  assert.deepEqual(rangeOf(new URLSearchParams("from=1000&to=2000")), { kind: "fixed", fromMs: 1000, toMs: 2000 });
  assert.equal(rangeOf(new URLSearchParams("from=2000&to=1000")).kind, "last");
  assert.deepEqual(rangeOf(new URLSearchParams("range=<b>")), { kind: "last", seconds: 3600, text: "1h" });
});

test("a relative range ends now", () => {
  assert.deepEqual(boundsOf({ kind: "last", seconds: 60, text: "1m" }, now), { fromMs: now - 60_000, toMs: now });
});

test("zooming out takes the next quick range, and doubles an absolute one without passing now", () => {
  assert.deepEqual(zoomedOut({ kind: "last", seconds: 3600, text: "1h" }, now), { kind: "last", seconds: 10_800, text: "3h" });
  assert.deepEqual(
    zoomedOut({ kind: "fixed", fromMs: now - 2000, toMs: now - 1000 }, now),
    { kind: "fixed", fromMs: now - 2500, toMs: now - 500 },
  );
  const atNow = zoomedOut({ kind: "fixed", fromMs: now - 1000, toMs: now }, now);
  assert.deepEqual(atNow, { kind: "fixed", fromMs: now - 1500, toMs: now });
});

test("links carry the time range and nothing else of the page", () => {
  const from = new URLSearchParams("range=6h&q=secret&alert=1");
  assert.equal(href("/fleet", {}, from), "/fleet?range=6h");
  assert.equal(href("/device", { id: "../a&b=<c>" }, new URLSearchParams()), "/device?id=..%2Fa%26b%3D%3Cc%3E");
});

test("a device id in a request stays one parameter, whatever it holds", () => {
  const text = queryText({ device: "a&b=1#x\n", empty: "", none: undefined, limit: 5 });
  assert.equal(new URLSearchParams(text).get("device"), "a&b=1#x\n");
  assert.equal(new URLSearchParams(text).has("empty"), false);
  assert.equal(queryText({}), "");
});

test("g and a letter goes to a page, in time; other keys are commands by themselves", () => {
  const keys = new KeyReader();
  assert.equal(keys.read("g", 0), null);
  assert.deepEqual(keys.read("d", 500), { kind: "go", path: "/fleet" });
  assert.equal(keys.read("d", 600), null);
  assert.equal(keys.read("g", 1000), null);
  assert.equal(keys.read("d", 4000), null);
  assert.deepEqual(keys.read("?", 4001), { kind: "help" });
  keys.read("g", 5000);
  assert.deepEqual(keys.read("z", 5100), { kind: "zoomOut" });
});

test("a store tells its listeners of another value only", () => {
  const store = new Store(1);
  let told = 0;
  const end = store.subscribe(() => { told += 1; });
  store.set(1);
  store.set(2);
  end();
  store.set(3);
  assert.equal(told, 1);
});

test("the fleet takes in changed devices in place and new ones behind", () => {
  const view = new FleetView();
  view.merge([device("a"), device("b")]);
  view.merge([device("b", { state: "alert" }), device("__proto__")]);
  assert.deepEqual(view.devices.map((d) => [d.id, d.state]), [["a", "ok"], ["b", "alert"], ["__proto__", "ok"]]);
  assert.equal(view.total, 3);
});

test("search finds parts of ids in any case; the state alert takes offline devices with an alert, too", () => {
  assert.equal(matches(device("Dev_7"), { search: "dev", state: "all" }), true);
  assert.equal(matches(device("Dev_7"), { search: "x", state: "all" }), false);
  assert.equal(matches(device("a", { state: "offline", alerts: 1 }), { search: "", state: "alert" }), true);
  assert.equal(matches(device("a", { state: "offline" }), { search: "", state: "ok" }), false);
});

test("sorting: worst first, names by their numbers, absent values last in both orders", () => {
  const all = [device("dev_10"), device("dev_2", { state: "offline" }), device("dev_1", { state: "alert", values: [null] })];
  const ids = (key: string, order: "asc" | "desc") => sorted(all, key, order, metrics).map((d) => d.id);
  assert.deepEqual(ids("state", "asc"), ["dev_1", "dev_2", "dev_10"]);
  assert.deepEqual(ids("id", "asc"), ["dev_1", "dev_2", "dev_10"]);
  assert.deepEqual(ids("id", "desc"), ["dev_10", "dev_2", "dev_1"]);
  assert.equal(ids("m.temperature", "asc").at(-1), "dev_1");
  assert.equal(ids("m.temperature", "desc").at(-1), "dev_1");
});

test("a long table shows only what is in sight, and its last rows at the end", () => {
  assert.deepEqual(visibleWindow(0, 350, 35, 10_000), { first: 0, last: 18 });
  const middle = visibleWindow(35_000, 350, 35, 10_000);
  assert.ok(middle.first <= 1000 && middle.last >= 1010 && middle.last - middle.first < 40);
  const end = visibleWindow(349_650, 350, 35, 10_000);
  assert.equal(end.last, 10_000);
  assert.deepEqual(visibleWindow(500, 350, 35, 3), { first: 0, last: 3 });
});

test("bytes that are no text are shown in hexadecimal", () => {
  const letter = { value_base64: "e/8=" } as Parameters<typeof bodyText>[0];
  assert.equal(bodyText(letter), "7b ff");
});

test("a silence reads like a matcher of the command line", () => {
  const matchers = [
    { name: "device_id", value: "press_.*", isRegex: true, isEqual: true },
    { name: "site", value: "north", isEqual: false },
  ];
  assert.equal(matcherText({ matchers } as Parameters<typeof matcherText>[0]), 'device_id=~"press_.*", site!="north"');
});

test("messages about an alert: of its rule or device, and of its time", () => {
  const alert = { rule: "temperature_high", device_id: "dev_1", starts_ms: now, ends_ms: now + 60_000 } as Alert;
  const delivery = (summary: string, queued: number) =>
    ({ summary, group_key: "", queued_at: new Date(queued).toISOString() }) as Delivery;
  const found = messagesAbout(alert, [
    delivery("FIRING temperature_high dev_1", now + 1000),
    delivery("FIRING temperature_high dev_1", now - 3_600_000),
    delivery("FIRING humidity_low dev_2", now + 1000),
  ]);
  assert.equal(found.length, 1);
});

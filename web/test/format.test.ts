import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ago, bytes, count, fromInput, instant, measure, rate, reading, span, tickTime, tickValue, title, toInput, visible,
} from "../src/text/format";

const at = Date.UTC(2026, 10, 27, 4, 5, 9);

test("counts have separators, and what is no number is a dash", () => {
  assert.equal(count(1234567), "1,234,567");
  assert.equal(count(null), "–");
  assert.equal(count(Number.NaN), "–");
});

test("measured values keep what matters at every size", () => {
  assert.equal(measure(0), "0");
  assert.equal(measure(21.456), "21.46");
  assert.equal(measure(-3.2), "-3.20");
  assert.equal(measure(123.456), "123.5");
  assert.equal(measure(54321.4), "54,321");
  assert.equal(measure(0.011737), "0.0117");
  assert.equal(measure(0.00000321), "3.21e-6");
});

test("a reading has its unit, a bool metric words", () => {
  assert.equal(reading(21.5, { unit: "°C", bool: false }), "21.50 °C");
  assert.equal(reading(48, { unit: "%", bool: false }), "48.00%");
  assert.equal(reading(1, { unit: "", bool: true }), "on");
  assert.equal(reading(0, { unit: "", bool: true }), "off");
  assert.equal(reading(null, { unit: "°C", bool: false }), "–");
});

test("rates and sizes", () => {
  assert.equal(rate(0), "0/s");
  assert.equal(rate(0.42), "0.4/s");
  assert.equal(rate(1204.4), "1,204/s");
  assert.equal(bytes(999), "999 B");
  assert.equal(bytes(1536), "1.5 KiB");
  assert.equal(bytes(-1), "–");
});

test("a span is told in its two largest units, without zeros", () => {
  assert.equal(span(400), "400 ms");
  assert.equal(span(61_000), "1 min 1 s");
  assert.equal(span(3_600_000), "1 h");
  assert.equal(span(90_061_000), "1 d 1 h");
  assert.equal(span(86_400_000 + 5 * 60_000), "1 d");
});

test("ago looks both ways", () => {
  assert.equal(ago(at - 12_000, at), "12 s ago");
  assert.equal(ago(at + 5_000, at), "in 5 s");
  assert.equal(ago(at - 300, at), "now");
  assert.equal(ago(null, at), "–");
});

test("an instant leaves out the date of today", () => {
  assert.equal(instant(at, true), "2026-11-27 04:05:09");
  assert.equal(instant(at, true, at + 1000), "04:05:09");
  assert.equal(instant(at, true, at + 86_400_000), "2026-11-27 04:05:09");
});

test("the time fields of the range picker give back what they were given", () => {
  for (const utc of [true, false]) assert.equal(fromInput(toInput(at, utc), utc), at);
  assert.equal(fromInput("", true), null);
});

test("names of rules become words", () => {
  assert.equal(title("temperature_high"), "Temperature high");
});

test("control and direction characters of a device id become visible, the rest stays", () => {
  assert.equal(visible("a\u202eb"), "a␣202eb");
  assert.equal(visible("line\nbreak\u0000"), "line␣000abreak␣0000");
  assert.equal(visible("  "), "␣␣");
  assert.equal(visible(""), "");
  assert.equal(visible("<b>温度 🌡️</b>"), "<b>温度 🌡️</b>");
});

test("ticks of axes say no more than tells them apart", () => {
  assert.equal(tickTime(at, 3600, true), "04:05");
  assert.equal(tickTime(at, 5, true), "04:05:09");
  assert.equal(tickTime(at, 86_400, true), "11-27");
  assert.equal(tickTime(Date.UTC(2026, 10, 27), 6 * 3600, true), "11-27");
  assert.equal(tickValue(38, 2), "38");
  assert.equal(tickValue(42.5, 2.5), "42.5");
  assert.equal(tickValue(0.25, 0.05), "0.25");
  assert.equal(tickValue(50_000, 10_000), "50K");
});

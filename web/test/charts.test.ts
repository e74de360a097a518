import assert from "node:assert/strict";
import { test } from "node:test";
import type { Alert, Series } from "../src/api/types";
import {
  chartColumns, factsOf, seriesRows, usualStep, valueLimits, withOpenMinute, withSamples,
} from "../src/charts/columns";
import { gridOf, moved } from "../src/charts/grid";
import { lanesOf, timeTicks } from "../src/charts/lanes";

const base = { metric: "temperature", unit: "°C", from_ms: 0, to_ms: 600_000 };
const trend: Series = {
  ...base, device: null, kind: "trend", bucket_ms: 60_000,
  t: [0, 60_000, 120_000, 480_000], avg: [20, 21, 22, 23], min: [10, 11, 12, 13], max: [30, 31, 32, 33],
  count: [5, 5, 5, 5],
};
const samples: Series = {
  ...base, device: "dev_1", kind: "samples", bucket_ms: 1000, t: [1000, 2000, 3000, 9000], v: [1, 4, null, 2],
};

test("a trend breaks where buckets are missing", () => {
  const columns = chartColumns(trend);
  assert.deepEqual(columns.t, [0, 60, 120, 180, 480]);
  assert.deepEqual(columns.lines[0], [20, 21, 22, null, 23]);
  assert.deepEqual(columns.lines[2], [30, 31, 32, null, 33]);
});

test("samples keep the gaps that the server put in", () => {
  const columns = chartColumns(samples);
  assert.equal(columns.band, false);
  assert.deepEqual(columns.lines, [[1, 4, null, 2]]);
});

test("the facts of a series: last, smallest, largest, gaps", () => {
  assert.deepEqual(factsOf(trend), { last: 23, min: 10, max: 33, points: 4, gaps: 1 });
  assert.deepEqual(factsOf(samples), { last: 2, min: 1, max: 4, points: 3, gaps: 1 });
  assert.deepEqual(factsOf({ ...samples, t: [], v: [] }), { last: null, min: null, max: null, points: 0, gaps: 0 });
});

test("the table beside a chart is newest first and has no row for a gap", () => {
  assert.deepEqual(seriesRows(samples), [[9000, 2], [2000, 4], [1000, 1]]);
  assert.deepEqual(seriesRows(trend)[0], [480_000, 23, 13, 33, 5]);
});

test("the usual step is the median", () => {
  assert.equal(usualStep(trend.t), 60_000);
  assert.equal(usualStep([5]), 0);
});

test("the vertical axis takes in a threshold close by, not one far away", () => {
  const near = valueLimits(30, 48, [{ value: 50 }]);
  assert.ok(near[1] > 50 && near[0] < 30);
  assert.ok(valueLimits(20, 22, [{ value: 50 }])[1] < 25);
  const flat = valueLimits(5, 5, []);
  assert.ok(flat[0] < 5 && flat[1] > 5);
  assert.deepEqual(valueLimits(null, null, []), [0, 1]);
});

test("the open minute replaces the trend's last point, or comes behind it", () => {
  const point = { minute_ms: 480_000, avg: 24, min: 1, max: 50, count: 9 };
  assert.deepEqual(withOpenMinute(trend, point).avg, [20, 21, 22, 24]);
  assert.deepEqual(withOpenMinute(trend, { ...point, minute_ms: 540_000 }).t.slice(-2), [480_000, 540_000]);
  assert.deepEqual(withOpenMinute(trend, { ...point, minute_ms: 485_000 }).t, [0, 60_000, 120_000, 485_000]);
  assert.equal(withOpenMinute(trend, { ...point, minute_ms: 60_000 }), trend);
  assert.equal(withOpenMinute(trend, { ...point, count: 0, avg: null }), trend);
});

test("live samples come behind those that are there, each once", () => {
  assert.deepEqual(withSamples(samples, [8000, 9000, 9500], [7, 8, 9]).t, [1000, 2000, 3000, 9000, 9500]);
  assert.equal(withSamples(samples, [8000], [7]), samples);
  // Old data: what came in now happened before the range.
  const none = { ...samples, from_ms: 5000, t: [], v: [] };
  assert.equal(withSamples(none, [1000, 2000], [1, 2]), none);
});

test("cells of the heat map fill the width and stay within the height", () => {
  for (const count of [1, 24, 1000, 10_000]) {
    const grid = gridOf(count, 1000);
    assert.ok(grid.columns * (grid.cell + grid.gap) - grid.gap <= 1000, `${count} devices are too wide`);
    assert.ok(grid.rows * grid.columns >= count);
    if (count <= 1000) assert.ok(grid.rows * (grid.cell + grid.gap) <= 220);
  }
  assert.equal(gridOf(24, 1000).cell, 26);
});

test("arrow keys walk over the cells and stop at the edges", () => {
  assert.equal(moved("ArrowRight", null, 10, 25), 0);
  assert.equal(moved("ArrowRight", 24, 10, 25), 24);
  assert.equal(moved("ArrowDown", 3, 10, 25), 13);
  assert.equal(moved("ArrowDown", 18, 10, 25), 18);
  assert.equal(moved("End", 3, 10, 25), 24);
  assert.equal(moved("x", 3, 10, 25), null);
  assert.equal(moved("ArrowUp", 0, 10, 0), null);
});

test("alerts have a lane for each rule, the fullest first", () => {
  const alert = (rule: string, starts_ms: number) => ({ rule, starts_ms }) as Alert;
  const lanes = lanesOf([alert("b", 2), alert("a", 5), alert("a", 1)]);
  assert.deepEqual(lanes.map((lane) => lane.rule), ["a", "b"]);
  assert.deepEqual(lanes[0]?.alerts.map((a) => a.starts_ms), [1, 5]);
});

test("ticks of a time axis are round and few", () => {
  const ticks = timeTicks(Date.UTC(2026, 0, 1, 0, 7), Date.UTC(2026, 0, 1, 3, 7), 6);
  assert.ok(ticks.length >= 3 && ticks.length <= 6);
  for (const tick of ticks) assert.equal(tick % 1_800_000, 0);
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Sheet } from "../src/text/export";
import { toParquet } from "../src/text/parquet";

/** As another reader, pyarrow, finds it. */
function readBack(sheet: Sheet): { schema: string[]; rows: Record<string, unknown>[] } {
  const folder = mkdtempSync(join(tmpdir(), "tocsin-parquet-"));
  const file = join(folder, "sheet.parquet");
  writeFileSync(file, toParquet(sheet));
  const reader = process.env["TOCSIN_PARQUET_READER"] ?? "../tests/support/parquet_rows.py";
  const out = execFileSync("python3", [reader, file], { encoding: "utf8", maxBuffer: 1 << 28 });
  rmSync(folder, { recursive: true });
  return JSON.parse(out);
}

test("texts, numbers, booleans and nulls come back as they were", () => {
  const sheet: Sheet = {
    name: "mixed",
    columns: ["device_id", "value", "ok", "nothing", "mixed"],
    rows: [
      ["a,\"b\"", 1.5, true, null, 1],
      ["größe €𝄞", null, false, null, "two"],
      [null, -1e300, null, null, true],
      ["", 0.1 + 0.2, true, null, null],
      ["line\nbreak", 2 ** 53, true, null, "x"],
    ],
  };
  const read = readBack(sheet);
  assert.deepEqual(read.schema, ["string", "double", "bool", "string", "string"]);
  const mixed = ["1", "two", "true", null, "x"];
  assert.deepEqual(
    read.rows,
    sheet.rows.map((row, r) => Object.fromEntries(sheet.columns.map((name, c) => [name, c === 4 ? mixed[r] : row[c]]))),
  );
});

test("no rows, many rows and many columns", () => {
  assert.deepEqual(readBack({ name: "none", columns: ["a", "b"], rows: [] }), { schema: ["string", "string"], rows: [] });
  const columns = Array.from({ length: 40 }, (_, i) => `column ${i}`);
  const rows = Array.from({ length: 5003 }, (_, r) => columns.map((_, c) => (r % (c + 2) === 0 ? null : r * c)));
  const read = readBack({ name: "many", columns, rows });
  assert.equal(read.rows.length, rows.length);
  assert.deepEqual(read.rows[5002], Object.fromEntries(columns.map((name, c) => [name, rows[5002]![c]])));
  assert.deepEqual(read.rows[1234], Object.fromEntries(columns.map((name, c) => [name, rows[1234]![c]])));
});

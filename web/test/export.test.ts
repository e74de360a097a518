import assert from "node:assert/strict";
import { test } from "node:test";
import { fileName, toCsv, toJson } from "../src/text/export";

const sheet = {
  name: "temperature-../../etc",
  columns: ["device_id", "value"],
  rows: [["a,\"b\"", 1.5], ["line\nbreak", null], ["=1+1", -3], ["@x", true], ["plain", -0.5]],
};

test("CSV quotes commas, quotation marks and line ends, and ends lines with CR LF", () => {
  assert.equal(
    toCsv(sheet),
    'device_id,value\r\n"a,""b""",1.5\r\n"line\nbreak",\r\n\'=1+1,-3\r\n\'@x,true\r\nplain,-0.5\r\n',
  );
});

test("a text that a spreadsheet would run begins with an apostrophe, a negative number does not", () => {
  const csv = toCsv({ name: "x", columns: ["a"], rows: [["=HYPERLINK(1)"], ["+1"], ["-1"], [-1]] });
  assert.deepEqual(csv.split("\r\n").slice(1, 5), ["'=HYPERLINK(1)", "'+1", "'-1", "-1"]);
});

test("JSON has one object a row", () => {
  assert.deepEqual(JSON.parse(toJson(sheet))[1], { device_id: "line\nbreak", value: null });
});

test("a file name holds no path of a device's name", () => {
  assert.equal(fileName(sheet, "csv", Date.UTC(2026, 10, 27, 4, 5, 9)), "tocsin-temperature-etc-20261127T040509Z.csv");
  assert.match(fileName({ ...sheet, name: "///" }, "json", 0), /^tocsin-export-/);
});

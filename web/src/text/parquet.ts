// A sheet as a Parquet file: one row group, plain values, not compressed; for what a page shows, some
// thousand rows. Format: apache/parquet-format, parquet.thrift (Thrift's compact protocol).
import type { Cell, Sheet } from "./export";

/** Bytes that grow. */
class Bytes {
  private bytes = new Uint8Array(1024);
  private view = new DataView(this.bytes.buffer);
  length = 0;

  private reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more));
    grown.set(this.bytes);
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }
  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }
  append(part: Uint8Array): void {
    this.reserve(part.length);
    this.bytes.set(part, this.length);
    this.length += part.length;
  }
  uint32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.length, value, true);
    this.length += 4;
  }
  double(value: number): void {
    this.reserve(8);
    this.view.setFloat64(this.length, value, true);
    this.length += 8;
  }
  /** Of a whole number from 0 to 2^53. */
  varint(value: number): void {
    while (value >= 128) {
      this.byte((value % 128) + 128);
      value = Math.floor(value / 128);
    }
    this.byte(value);
  }
  bits(values: boolean[]): void {
    for (let at = 0; at < values.length; at += 8) {
      let byte = 0;
      for (let i = 0; i < 8; ++i) if (values[at + i]) byte |= 1 << i;
      this.byte(byte);
    }
  }
  taken(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.length);
  }
}

type Value = number | string | Struct | Value[];
/** Fields by ascending number. Numbers are non-negative; whether 32 or 64 bits is said by the name. */
type Struct = { fields: [id: number, type: "i32" | "i64" | "binary" | "list" | "struct", value: Value][] };

const TYPES = { i32: 5, i64: 6, binary: 8, list: 9, struct: 12 } as const;
const text = new TextEncoder();

function putValue(out: Bytes, value: Value): void {
  if (typeof value === "number") {
    out.varint(value * 2); // zigzag
  } else if (typeof value === "string") {
    const bytes = text.encode(value);
    out.varint(bytes.length);
    out.append(bytes);
  } else if (Array.isArray(value)) {
    const first = value[0];
    const of = typeof first === "number" ? "i32" : typeof first === "string" ? "binary" : "struct";
    if (value.length < 15) {
      out.byte((value.length << 4) | TYPES[of]);
    } else {
      out.byte(0xf0 | TYPES[of]);
      out.varint(value.length);
    }
    for (const item of value) putValue(out, item);
  } else {
    putStruct(out, value);
  }
}

function putStruct(out: Bytes, struct: Struct): void {
  let last = 0;
  for (const [id, type, value] of struct.fields) {
    out.byte(((id - last) << 4) | TYPES[type]);
    putValue(out, value);
    last = id;
  }
  out.byte(0);
}

const BOOLEAN = 0;
const DOUBLE = 5;
const BYTE_ARRAY = 6;
const PLAIN = 0;
const RLE = 3;

function typeOf(cells: Cell[]): number {
  if (cells.length === 0) return BYTE_ARRAY;
  if (cells.every((cell) => typeof cell === "number")) return DOUBLE;
  return cells.every((cell) => typeof cell === "boolean") ? BOOLEAN : BYTE_ARRAY;
}

/** Which rows have a value, then the values. */
function pageOf(cells: Cell[], present: Cell[], type: number): Uint8Array {
  const levels = new Bytes();
  levels.varint(Math.ceil(cells.length / 8) * 2 + 1); // bit-packed groups of eight
  levels.bits(cells.map((cell) => cell !== null));
  const page = new Bytes();
  page.uint32(levels.length);
  page.append(levels.taken());
  if (type === BOOLEAN) {
    page.bits(present as boolean[]);
  } else if (type === DOUBLE) {
    for (const cell of present) page.double(cell as number);
  } else {
    for (const cell of present) {
      const bytes = text.encode(String(cell));
      page.uint32(bytes.length);
      page.append(bytes);
    }
  }
  return page.taken();
}

export function toParquet(sheet: Sheet): Uint8Array<ArrayBuffer> {
  const file = new Bytes();
  file.append(text.encode("PAR1"));
  const rows = sheet.rows.length;
  const schema: Struct[] = [{ fields: [[4, "binary", sheet.name], [5, "i32", sheet.columns.length]] }];
  const chunks: Struct[] = [];
  sheet.columns.forEach((name, i) => {
    const cells = sheet.rows.map((row) => row[i] ?? null);
    const present = cells.filter((cell) => cell !== null);
    const type = typeOf(present);
    schema.push({
      fields: [[1, "i32", type], [3, "i32", 1], [4, "binary", name], ...(type === BYTE_ARRAY ? [[6, "i32", 0] as [6, "i32", 0]] : [])],
    });
    if (rows === 0) return;
    const page = pageOf(cells, present, type);
    const begin = file.length;
    putStruct(file, {
      fields: [
        [1, "i32", 0], [2, "i32", page.length], [3, "i32", page.length],
        [5, "struct", { fields: [[1, "i32", rows], [2, "i32", PLAIN], [3, "i32", RLE], [4, "i32", RLE]] }],
      ],
    });
    file.append(page);
    const size = file.length - begin;
    chunks.push({
      fields: [
        [2, "i64", begin],
        [3, "struct", {
          fields: [
            [1, "i32", type], [2, "list", [PLAIN, RLE]], [3, "list", [name]], [4, "i32", 0], [5, "i64", rows],
            [6, "i64", size], [7, "i64", size], [9, "i64", begin],
          ],
        }],
      ],
    });
  });
  const groups: Struct[] = rows === 0 ? [] : [{ fields: [[1, "list", chunks], [2, "i64", file.length - 4], [3, "i64", rows]] }];
  const footer = file.length;
  putStruct(file, {
    fields: [[1, "i32", 1], [2, "list", schema], [3, "i64", rows], [4, "list", groups], [6, "binary", "tocsin dashboard"]],
  });
  file.uint32(file.length - footer);
  file.append(text.encode("PAR1"));
  return file.taken();
}

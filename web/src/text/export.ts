// What a table shows as a file: CSV (RFC 4180) or JSON; as Parquet in parquet.ts.

export type Cell = string | number | boolean | null;

export interface Sheet {
  name: string;
  columns: string[];
  rows: Cell[][];
}

/**
 * A field that begins like a formula gets a leading apostrophe: spreadsheet programs would run it,
 * and device ids are not ours. Numbers stay as they are.
 */
function csvField(cell: Cell): string {
  if (cell === null) return "";
  if (typeof cell !== "string") return String(cell);
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function toCsv(sheet: Sheet): string {
  const lines = [sheet.columns, ...sheet.rows].map((row) => row.map(csvField).join(","));
  return `${lines.join("\r\n")}\r\n`;
}

export function toJson(sheet: Sheet): string {
  const rows = sheet.rows.map((row) =>
    Object.fromEntries(sheet.columns.map((column, i) => [column, row[i] ?? null])),
  );
  return `${JSON.stringify(rows, null, 1)}\n`;
}

export function fileName(sheet: Sheet, extension: string, nowMs: number): string {
  const stamp = new Date(nowMs).toISOString().replace(/[-:]/g, "").slice(0, 15);
  const name = sheet.name.replace(/[^A-Za-z0-9_]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60);
  return `tocsin-${name === "" ? "export" : name}-${stamp}Z.${extension}`;
}

/** Hands the browser a file to save. */
export function save(name: string, type: string, content: string | Uint8Array<ArrayBuffer>): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  window.setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

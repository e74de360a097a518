// Where the cells of a heat map are. Pure.

export interface Grid {
  columns: number;
  rows: number;
  /** Edge of a cell and the room between two, in pixels. */
  cell: number;
  gap: number;
}

/** The largest cells with which `count` of them fill at most `height` pixels at that width. */
export function gridOf(count: number, width: number, height = 220): Grid {
  for (let cell = 26; cell > 4; cell -= 1) {
    const gap = cell >= 14 ? 4 : cell >= 8 ? 2 : 1;
    const columns = Math.max(1, Math.floor((width + gap) / (cell + gap)));
    const rows = Math.ceil(count / columns);
    if (rows * (cell + gap) <= height) return { columns, rows, cell, gap };
  }
  const columns = Math.max(1, Math.floor((width + 1) / 5));
  return { columns, rows: Math.ceil(count / columns), cell: 4, gap: 1 };
}

/** The place that a key leads to, or null for a key that leads nowhere. */
export function moved(key: string, at: number | null, columns: number, count: number): number | null {
  if (count === 0) return null;
  const steps: Record<string, number> = {
    ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -count, End: count,
  };
  const step = steps[key];
  if (step === undefined) return null;
  if (at === null) return key === "End" ? count - 1 : 0;
  const next = at + step;
  if ((key === "ArrowUp" || key === "ArrowDown") && (next < 0 || next >= count)) return at;
  return Math.min(Math.max(next, 0), count - 1);
}

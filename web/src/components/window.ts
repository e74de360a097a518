// Which rows of a long table are in sight. Pure.

/** Rows [first, last) for a scroll position in pixels, with a few more above and below. */
export function visibleWindow(
  scrollTop: number,
  height: number,
  rowHeight: number,
  total: number,
): { first: number; last: number } {
  const spare = 8;
  const inSight = Math.ceil(Math.max(height, 0) / rowHeight);
  const top = Math.floor(Math.max(scrollTop, 0) / rowHeight);
  const first = Math.min(Math.max(0, top - spare), Math.max(0, total - inSight - 2 * spare));
  return { first, last: Math.min(total, top + inSight + spare) };
}

// Tables: one of a few rows (Table), and one of any number of rows of which only the visible ones
// are in the document (VirtualTable).
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { visibleWindow } from "./window";

export interface Column<Row> {
  key: string;
  title: string;
  cell: (row: Row) => ComponentChildren;
  numeric?: boolean;
  sortable?: boolean;
  /** Left out on narrow screens. */
  wide?: boolean;
  /** The row's name for screen readers. */
  head?: boolean;
}

export interface Sorting {
  key: string;
  order: "asc" | "desc";
  set: (key: string, order: "asc" | "desc") => void;
}

interface Common<Row> {
  caption: string;
  columns: Column<Row>[];
  rows: Row[];
  rowKey: (row: Row) => string;
  sorting?: Sorting;
}

const classOf = <Row,>(column: Column<Row>): string =>
  `${column.numeric ? "numeric" : ""} ${column.wide ? "wide" : ""}`.trim();

function HeadRow<Row>({ columns, sorting }: { columns: Column<Row>[]; sorting?: Sorting | undefined }) {
  return (
    <tr>
      {columns.map((column) => {
        const active = sorting?.key === column.key;
        const order = active ? sorting.order : undefined;
        return (
          <th
            key={column.key}
            scope="col"
            class={classOf(column)}
            {...(column.sortable && sorting
              ? { "aria-sort": order === undefined ? "none" : order === "asc" ? "ascending" : "descending" }
              : {})}
          >
            {column.sortable && sorting ? (
              <button
                type="button"
                class="sort"
                onClick={() => sorting.set(column.key, active && order === "asc" ? "desc" : "asc")}
              >
                {column.title}
                <span class="sort-mark" aria-hidden="true">
                  {order === undefined ? "↕" : order === "asc" ? "↑" : "↓"}
                </span>
              </button>
            ) : column.title}
          </th>
        );
      })}
    </tr>
  );
}

function Cells<Row>({ columns, row }: { columns: Column<Row>[]; row: Row }) {
  return (
    <>
      {columns.map((column) =>
        column.head ? (
          <th key={column.key} scope="row" class={classOf(column)}>{column.cell(row)}</th>
        ) : (
          <td key={column.key} class={classOf(column)}>{column.cell(row)}</td>
        ))}
    </>
  );
}

export function Table<Row>(props: Common<Row>) {
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label={`${props.caption}, table`}>
      <table>
        <caption class="hidden">{props.caption}</caption>
        <thead><HeadRow columns={props.columns} sorting={props.sorting} /></thead>
        <tbody>
          {props.rows.map((row) => (
            <tr key={props.rowKey(row)}><Cells columns={props.columns} row={row} /></tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface VirtualProps<Row> extends Omit<Common<Row>, "rows"> {
  total: number;
  /** The row at a place, or undefined while it is on its way. */
  rowAt: (index: number) => Row | undefined;
  /** Called with the places that are in sight. */
  onWindow: (first: number, last: number) => void;
  rowHeight: number;
}

export function VirtualTable<Row>(props: VirtualProps<Row>) {
  const box = useRef<HTMLDivElement>(null);
  const [sight, setSight] = useState({ top: 0, height: 600 });
  useEffect(() => {
    const host = box.current;
    if (!host) return undefined;
    let frame = 0;
    const measure = (): void => {
      frame = 0;
      setSight({ top: host.scrollTop, height: host.clientHeight });
    };
    const ask = (): void => {
      if (frame === 0) frame = requestAnimationFrame(measure);
    };
    const observer = new ResizeObserver(ask);
    observer.observe(host);
    host.addEventListener("scroll", ask, { passive: true });
    return () => {
      observer.disconnect();
      host.removeEventListener("scroll", ask);
      cancelAnimationFrame(frame);
    };
  }, []);
  const { first, last } = visibleWindow(sight.top, sight.height, props.rowHeight, props.total);
  useEffect(() => {
    if (last > first) props.onWindow(first, last);
  }, [first, last, props.onWindow]);
  const rows = [];
  for (let i = first; i < last; i += 1) {
    const row = props.rowAt(i);
    rows.push(
      <tr key={row === undefined ? `at-${i}` : props.rowKey(row)} aria-rowindex={i + 2}>
        {row === undefined
          ? <td colSpan={props.columns.length} class="waiting">…</td>
          : <Cells columns={props.columns} row={row} />}
      </tr>,
    );
  }
  const before = first * props.rowHeight;
  const after = Math.max(0, props.total - last) * props.rowHeight;
  return (
    <div ref={box} class="table-box virtual" tabIndex={0} role="region" aria-label={`${props.caption}, table`}>
      <table aria-rowcount={props.total + 1}>
        <caption class="hidden">{props.caption}</caption>
        <thead><HeadRow columns={props.columns} sorting={props.sorting} /></thead>
        <tbody>
          {before > 0 && <tr aria-hidden="true"><td colSpan={props.columns.length} class="spacer" style={{ height: `${before}px` }} /></tr>}
          {rows}
          {after > 0 && <tr aria-hidden="true"><td colSpan={props.columns.length} class="spacer" style={{ height: `${after}px` }} /></tr>}
        </tbody>
      </table>
    </div>
  );
}

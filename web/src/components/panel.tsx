// A titled part of a page, with what can be done with it on the right, and the states that every
// part has: not there yet, failed, empty.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { serverNow } from "../state/live";
import { fileName, save, toCsv, toJson, type Sheet } from "../text/export";
import { toParquet } from "../text/parquet";
import { Icon } from "./icon";

interface PanelProps {
  title: string;
  /** A few words beside the title. */
  note?: ComponentChildren;
  actions?: ComponentChildren;
  /** What the export buttons save; called when one is pressed. */
  sheet?: () => Sheet;
  class?: string;
  children: ComponentChildren;
}

export function Panel(props: PanelProps) {
  const id = useId();
  return (
    <section class={`panel ${props.class ?? ""}`} aria-labelledby={id}>
      <header class="panel-head">
        <h2 id={id}>{props.title}</h2>
        {props.note !== undefined && <span class="note">{props.note}</span>}
        <span class="panel-actions">
          {props.actions}
          {props.sheet && <ExportButtons sheet={props.sheet} of={props.title} />}
        </span>
      </header>
      {props.children}
    </section>
  );
}

export function ExportButtons({ sheet, of }: { sheet: () => Sheet; of: string }) {
  const csv = (): void => {
    const made = sheet();
    save(fileName(made, "csv", serverNow()), "text/csv;charset=utf-8", toCsv(made));
  };
  const json = (): void => {
    const made = sheet();
    save(fileName(made, "json", serverNow()), "application/json", toJson(made));
  };
  const parquet = (): void => {
    const made = sheet();
    save(fileName(made, "parquet", serverNow()), "application/vnd.apache.parquet", toParquet(made));
  };
  return (
    <span class="exports" role="group" aria-label={`Save ${of}`}>
      <Icon name="download" />
      <button type="button" class="text-button" onClick={csv} aria-label={`Save ${of} as CSV`}>CSV</button>
      <button type="button" class="text-button" onClick={json} aria-label={`Save ${of} as JSON`}>JSON</button>
      <button type="button" class="text-button" onClick={parquet} aria-label={`Save ${of} as Parquet`}>Parquet</button>
    </span>
  );
}

export function Failure({ error, again }: { error: Error; again?: () => void }) {
  return (
    <div class="state-box failure" role="alert">
      <p><strong>This could not be read.</strong> {error.message}</p>
      {again && <button type="button" onClick={again}>Try again</button>}
    </div>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <div class="state-box"><p>{children}</p></div>;
}

export function Loading({ lines = 3 }: { lines?: number }) {
  return (
    <div class="loading" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, i) => <span key={i} class="loading-line" />)}
    </div>
  );
}

export function Figure(props: {
  label: string;
  value: ComponentChildren;
  note?: ComponentChildren;
  tone?: "critical" | "calm";
  link?: string;
}) {
  const inner = (
    <>
      <span class="figure-label">{props.label}</span>
      <span class="figure-value">{props.value}</span>
      <span class="figure-note">{props.note}</span>
    </>
  );
  const name = `figure ${props.tone === "critical" ? "figure-critical" : ""}`;
  return props.link === undefined
    ? <div class={name}>{inner}</div>
    : <a class={name} href={props.link}>{inner}</a>;
}

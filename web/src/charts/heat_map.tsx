// The fleet as a field of cells, one for each device, on a canvas: any number of devices, drawn
// anew as a whole. A state is a colour and a shape. Arrow keys walk over the cells, Enter opens a
// device; the table below it is the same in words.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Device, DeviceState } from "../api/types";
import { dark } from "../state/settings";
import { useStore } from "../state/store";
import { visible } from "../text/format";
import { gridOf, moved, type Grid } from "./grid";
import { token } from "./palette";

function drawCell(ctx: CanvasRenderingContext2D, state: DeviceState, x: number, y: number, size: number, colours: Record<DeviceState, string>, on: string): void {
  const colour = colours[state];
  if (state === "offline") {
    ctx.strokeStyle = colour;
    ctx.lineWidth = Math.max(1, size / 12);
    const inset = ctx.lineWidth / 2;
    ctx.strokeRect(x + inset, y + inset, size - 2 * inset, size - 2 * inset);
    ctx.beginPath();
    ctx.moveTo(x + inset, y + size - inset);
    ctx.lineTo(x + size - inset, y + inset);
    ctx.stroke();
    return;
  }
  ctx.fillStyle = colour;
  ctx.fillRect(x, y, size, size);
  if (state === "alert") {
    ctx.fillStyle = on;
    ctx.beginPath();
    ctx.moveTo(x + size / 2, y + size * 0.2);
    ctx.lineTo(x + size * 0.82, y + size * 0.78);
    ctx.lineTo(x + size * 0.18, y + size * 0.78);
    ctx.fill();
  }
}

function coloursNow(): Record<DeviceState, string> {
  return { ok: token("--ok-cell"), alert: token("--critical-mark"), offline: token("--off-mark") };
}

function prepared(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
  const ratio = window.devicePixelRatio;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const ctx = canvas.getContext("2d");
  ctx?.setTransform(ratio, 0, 0, ratio, 0, 0);
  return ctx;
}

function Legend({ state, text }: { state: DeviceState; text: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const isDark = useStore(dark);
  useEffect(() => {
    const ctx = canvas.current && prepared(canvas.current, 14, 14);
    if (ctx) drawCell(ctx, state, 0, 0, 14, coloursNow(), token("--surface"));
  }, [state, isDark]);
  return <span class="legend"><canvas ref={canvas} aria-hidden="true" />{text}</span>;
}

interface HeatMapProps {
  devices: Device[];
  /** Grows when states changed: the field is drawn anew. */
  version: number;
  describe: (device: Device) => string;
  onOpen: (device: Device) => void;
}

export function HeatMap({ devices, version, describe, onOpen }: HeatMapProps) {
  const host = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const grid = useRef<Grid>({ columns: 1, rows: 0, cell: 10, gap: 2 });
  const [at, setAt] = useState<number | null>(null);
  const [width, setWidth] = useState(0);
  const isDark = useStore(dark);

  useEffect(() => {
    const box = host.current;
    if (!box) return undefined;
    const observer = new ResizeObserver(() => setWidth(box.clientWidth));
    observer.observe(box);
    setWidth(box.clientWidth);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    if (!canvas.current || width === 0) return;
    const made = gridOf(devices.length, width);
    grid.current = made;
    const step = made.cell + made.gap;
    const ctx = prepared(canvas.current, width, Math.max(1, made.rows * step));
    if (!ctx) return;
    const colours = coloursNow();
    const on = token("--surface");
    devices.forEach((device, i) => {
      drawCell(ctx, device.state, (i % made.columns) * step, Math.floor(i / made.columns) * step, made.cell, colours, on);
    });
    if (at !== null && at < devices.length) {
      ctx.strokeStyle = token("--text");
      ctx.lineWidth = 2;
      ctx.strokeRect((at % made.columns) * step - 1, Math.floor(at / made.columns) * step - 1, made.cell + 2, made.cell + 2);
    }
  }, [devices, version, width, isDark, at]);

  const indexAt = (event: MouseEvent): number | null => {
    const { columns, cell, gap } = grid.current;
    const column = Math.floor(event.offsetX / (cell + gap));
    const index = Math.floor(event.offsetY / (cell + gap)) * columns + column;
    return column < columns && index < devices.length ? index : null;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = moved(event.key, at, grid.current.columns, devices.length);
    if (next !== null) {
      event.preventDefault();
      setAt(next);
    } else if (event.key === "Enter" && at !== null) {
      const device = devices[at];
      if (device) onOpen(device);
    }
  };
  const chosen = at === null ? undefined : devices[at];
  const counted = { ok: 0, alert: 0, offline: 0 };
  for (const device of devices) counted[device.state] += 1;
  return (
    <div class="heat">
      <div ref={host}>
        <canvas
          ref={canvas} class="heat-canvas" role="application" tabIndex={0}
          aria-roledescription="heat map"
          aria-label={`${devices.length} devices: ${counted.alert} in alert, ${counted.offline} offline, ${counted.ok} OK. Arrow keys move, Enter opens a device.`}
          onKeyDown={onKeyDown}
          onMouseMove={(event) => setAt(indexAt(event))}
          onMouseLeave={() => setAt(null)}
          onBlur={() => setAt(null)}
          onClick={(event) => {
            const index = indexAt(event);
            const device = index === null ? undefined : devices[index];
            if (device) onOpen(device);
          }}
        />
      </div>
      <div class="heat-foot">
        <Legend state="alert" text={`In alert ${counted.alert}`} />
        <Legend state="offline" text={`Offline ${counted.offline}`} />
        <Legend state="ok" text={`OK ${counted.ok}`} />
        <span class="spoken" aria-live="polite">
          {chosen ? <><bdi>{visible(chosen.id)}</bdi>{`: ${describe(chosen)}`}</> : ""}
        </span>
      </div>
    </div>
  );
}

// Alerts over time: a lane for each rule, a bar for each episode. The table below says the same.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Alert } from "../api/types";
import { severityTone } from "../components/badge";
import { zone } from "../state/settings";
import { useStore } from "../state/store";
import { date, clock, span, visible, words } from "../text/format";
import { lanesOf, timeTicks } from "./lanes";

interface TimelineProps {
  alerts: Alert[];
  fromMs: number;
  toMs: number;
  onOpen: (alert: Alert) => void;
}

const laneHeight = 22;
const mostLanes = 10;

export function Timeline({ alerts, fromMs, toMs, onOpen }: TimelineProps) {
  const host = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(600);
  const utc = useStore(zone) === "utc";
  useEffect(() => {
    const box = host.current;
    if (!box) return undefined;
    const observer = new ResizeObserver(() => setWidth(Math.max(200, box.clientWidth)));
    observer.observe(box);
    setWidth(Math.max(200, box.clientWidth));
    return () => observer.disconnect();
  }, []);
  const lanes = lanesOf(alerts).slice(0, mostLanes);
  const left = Math.min(150, width * 0.3);
  const x = (ms: number): number =>
    left + ((Math.min(Math.max(ms, fromMs), toMs) - fromMs) / (toMs - fromMs)) * (width - left);
  const height = lanes.length * laneHeight + 22;
  const long = toMs - fromMs > 36 * 3600_000;
  return (
    <div class="panel-body" ref={host}>
      <svg
        class="timeline" viewBox={`0 0 ${width} ${height}`} height={height} role="img"
        aria-label={`Timeline of ${alerts.length} alerts in ${lanes.length} rules; the table below lists them.`}
      >
        {lanes.map((lane, i) => (
          <g key={lane.rule}>
            <text x={0} y={i * laneHeight + 14}>{words(lane.rule).slice(0, Math.floor(left / 6.6))}</text>
            <rect class="lane" x={left} y={i * laneHeight + 2} width={width - left} height={laneHeight - 5} rx={4} />
            {lane.alerts.map((alert) => (
              <rect
                key={alert.id}
                class={`episode ${severityTone(alert.severity)} ${alert.state}`}
                x={x(alert.starts_ms)} y={i * laneHeight + (alert.state === "firing" ? 3 : 6)}
                width={Math.max(3, x(alert.ends_ms ?? toMs) - x(alert.starts_ms))}
                height={laneHeight - (alert.state === "firing" ? 7 : 13)} rx={2}
                cursor="pointer" onClick={() => onOpen(alert)}
              >
                <title>{`${visible(alert.device_id)}, ${words(alert.rule)}, ${alert.severity}, ${alert.state}, ${span((alert.ends_ms ?? toMs) - alert.starts_ms)}`}</title>
              </rect>
            ))}
          </g>
        ))}
        {timeTicks(fromMs, toMs, Math.max(2, Math.floor((width - left) / 110))).map((tick) => (
          <text key={tick} x={x(tick)} y={height - 4}>
            {long ? date(tick, utc).slice(5) : clock(tick, utc).slice(0, 5)}
          </text>
        ))}
      </svg>
    </div>
  );
}

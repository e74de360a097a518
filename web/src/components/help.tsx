// The keys, on `?`.
import { Dialog } from "./dialog";

const keys: [string[], string][] = [
  [["?"], "this help"],
  [["/"], "search"],
  [["g", "o"], "overview"],
  [["g", "d"], "devices"],
  [["g", "a"], "alerts"],
  [["g", "l"], "dead letters"],
  [["g", "m"], "messages: deliveries and channels"],
  [["g", "p"], "pipeline"],
  [["t"], "time range"],
  [["z"], "zoom out"],
  [["l"], "back to the last hour, live"],
  [["p"], "pause, and go on"],
  [["c"], "colours: as the system, light, dark"],
  [["u"], "times in UTC, or of this browser"],
  [["←", "→"], "in a chart: read the points; with Shift ten at a time"],
  [["Esc"], "close"],
];

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <dl class="keys">
        {keys.map(([parts, what]) => (
          <>
            <dt key={what}>{parts.map((part) => <kbd key={part}>{part}</kbd>)}</dt>
            <dd>{what}</dd>
          </>
        ))}
      </dl>
      <p class="muted">Drag in a chart to look closer. The address holds what you see: send it to somebody.</p>
      <p><a href="/licences.txt" target="_blank" rel="noreferrer">Licences of the libraries in this page</a></p>
    </Dialog>
  );
}

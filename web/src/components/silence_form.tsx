// A new silence: who is quiet, for how long, and why.
import { useState } from "preact/hooks";
import { api } from "../api/client";
import type { Matcher } from "../api/types";
import { parseDuration } from "../state/time_range";
import { Dialog } from "./dialog";
import { attempt } from "./notice";

const durations: [string, string][] = [
  ["30m", "30 minutes"], ["1h", "1 hour"], ["2h", "2 hours"], ["4h", "4 hours"], ["8h", "8 hours"],
  ["1d", "1 day"], ["7d", "7 days"],
];

interface SilenceFormProps {
  /** To begin with; an empty list shows one empty row. */
  matchers: Matcher[];
  onClose: () => void;
  onDone: () => void;
}

export function SilenceForm({ matchers: given, onClose, onDone }: SilenceFormProps) {
  const [matchers, setMatchers] = useState<Matcher[]>(given.length > 0 ? given : [{ name: "device_id", value: "" }]);
  const [duration, setDuration] = useState("1h");
  const [kind, setKind] = useState<"silence" | "shelve">("silence");
  const [comment, setComment] = useState("");
  const [busy, setBusy] = useState(false);
  const change = (at: number, part: Partial<Matcher>): void =>
    setMatchers(matchers.map((matcher, i) => (i === at ? { ...matcher, ...part } : matcher)));
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    const done = await attempt(async () => {
      await api.addSilence({
        kind, duration_seconds: parseDuration(duration) ?? 3600, comment,
        matchers: matchers.map((m) => ({ isRegex: false, isEqual: true, ...m })),
      });
      return kind === "silence" ? "The silence holds." : "Shelved.";
    });
    setBusy(false);
    if (done) onDone();
  };
  return (
    <Dialog title="Silence alerts" onClose={onClose}>
      <form class="form" onSubmit={(event) => void submit(event)}>
        <p class="muted">Alerts that match all of these are kept and shown, but nobody is told of them.</p>
        {matchers.map((matcher, i) => (
          <div class="matcher" key={i} role="group" aria-label={`Condition ${i + 1}`}>
            <label>
              Label
              <input required value={matcher.name} onInput={(e) => change(i, { name: e.currentTarget.value })} />
            </label>
            <label>
              Is
              <select
                value={`${matcher.isEqual === false ? "!" : ""}${matcher.isRegex ? "~" : "="}`}
                onChange={(e) => {
                  const op = e.currentTarget.value;
                  change(i, { isEqual: !op.startsWith("!"), isRegex: op.endsWith("~") });
                }}
              >
                <option value="=">equal to</option>
                <option value="!=">not equal to</option>
                <option value="~">like the pattern</option>
                <option value="!~">not like the pattern</option>
              </select>
            </label>
            <label>
              Value
              <input value={matcher.value} onInput={(e) => change(i, { value: e.currentTarget.value })} />
            </label>
            {matchers.length > 1 && (
              <button type="button" onClick={() => setMatchers(matchers.filter((_, other) => other !== i))}>
                Remove
              </button>
            )}
          </div>
        ))}
        <div class="buttons">
          <button type="button" onClick={() => setMatchers([...matchers, { name: "", value: "" }])}>
            Add a condition
          </button>
        </div>
        <div class="two">
          <label>
            For
            <select value={duration} onChange={(e) => setDuration(e.currentTarget.value)}>
              {durations.map(([value, name]) => <option key={value} value={value}>{name}</option>)}
            </select>
          </label>
          <label>
            Ends
            <select value={kind} onChange={(e) => setKind(e.currentTarget.value === "shelve" ? "shelve" : "silence")}>
              <option value="silence">when the time is over</option>
              <option value="shelve">when an alert resolves</option>
            </select>
          </label>
        </div>
        <label>
          Why
          <textarea value={comment} onInput={(e) => setComment(e.currentTarget.value)} />
        </label>
        <div class="buttons">
          <button type="submit" class="primary" disabled={busy}>Silence</button>
          <button type="button" onClick={onClose}>Cancel</button>
        </div>
      </form>
    </Dialog>
  );
}

// Dead letters: what was refused, why, and its bytes; and how it goes through the stream again.
import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import type { DeadLetter } from "../api/types";
import { Badge } from "../components/badge";
import { Dialog } from "../components/dialog";
import { attempt } from "../components/notice";
import { Empty, Failure, Loading, Panel } from "../components/panel";
import { Table, type Column } from "../components/table";
import { serverNow } from "../state/live";
import { place, setParams } from "../state/location";
import { useQuery } from "../state/query";
import { mayWrite, session } from "../state/session";
import { zone } from "../state/settings";
import { useStore } from "../state/store";
import { bytes, count, instant, visible, words } from "../text/format";

const pageSize = 100;

/** The bytes as text: those that are no UTF-8 in hexadecimal. */
export function bodyText(letter: DeadLetter): string {
  if (letter.value !== undefined) return letter.value;
  const raw = atob(letter.value_base64 ?? "");
  return [...raw].map((c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join(" ");
}

function sourceText(source: DeadLetter["source"]): string {
  return source.topic ? `${source.topic} ${source.partition ?? "?"}:${source.offset ?? "?"}` : "–";
}

function Letter({ letter, onClose }: { letter: DeadLetter; onClose: () => void }) {
  const utc = useStore(zone) === "utc";
  return (
    <Dialog title={words(letter.reason)} onClose={onClose} drawer>
      {letter.message && <p>{visible(letter.message)}</p>}
      <dl class="facts">
        <dt>When</dt><dd>{instant(letter.timestamp_ms, utc)}</dd>
        <dt>Dead letter</dt><dd class="mono">{letter.partition}:{letter.offset}</dd>
        <dt>Came from</dt><dd class="mono">{visible(sourceText(letter.source))}</dd>
        <dt>Stage</dt><dd>{letter.stage ?? "–"}</dd>
        <dt>Key</dt><dd>{letter.key == null ? "none" : visible(letter.key)}</dd>
        {letter.truncated && <><dt>Cut</dt><dd>only the beginning of {bytes(letter.size)} is kept</dd></>}
      </dl>
      <h3>{letter.value === undefined ? "Bytes, in hexadecimal" : "Bytes, as they came"}</h3>
      <pre class="raw" tabIndex={0}>{visible(bodyText(letter))}</pre>
    </Dialog>
  );
}

function Replay({ reason, total, onClose }: { reason: string; total: number; onClose: (done: boolean) => void }) {
  const [busy, setBusy] = useState(false);
  const run = async (): Promise<void> => {
    setBusy(true);
    const done = await attempt(async () => {
      const report = await api.replay(reason);
      return `${count(report.replayed)} sent again, ${count(report.replayed_before)} had been before, ` +
        `${count(report.truncated)} cannot be: only their beginning is kept.`;
    });
    setBusy(false);
    onClose(done);
  };
  return (
    <Dialog title="Replay dead letters" onClose={() => onClose(false)}>
      <p>
        {reason === "" ? `All dead letters (${count(total)} of this run)` : `Dead letters with the reason ${words(reason)} (${count(total)} of this run)`}{" "}
        go through the stream again, each once. What is still wrong comes back here.
      </p>
      <div class="buttons">
        <button type="button" class="primary" disabled={busy} onClick={() => void run()}>Replay</button>
        <button type="button" onClick={() => onClose(false)}>Cancel</button>
      </div>
    </Dialog>
  );
}

export function DeadLetters() {
  const { params } = useStore(place);
  const utc = useStore(zone) === "utc";
  const may = mayWrite(useStore(session));
  const reason = params.get("reason") ?? "";
  const search = (params.get("q") ?? "").toLowerCase();
  const [older, setOlder] = useState<DeadLetter[]>([]);
  const [next, setNext] = useState<string | null>(null);
  const [open, setOpen] = useState<DeadLetter | null>(null);
  const [replaying, setReplaying] = useState(false);
  const answer = useQuery(`letters ${reason}`, (signal) => api.deadLetters({ reason, limit: pageSize }, signal), older.length > 0 ? 0 : 10_000);
  useEffect(() => setOlder([]), [reason]);
  useEffect(() => {
    if (older.length === 0) setNext(answer.data?.next ?? null);
  }, [answer.data, older.length]);
  const more = (): void => {
    void attempt(async () => {
      const page = await api.deadLetters({ reason, before: next ?? "", limit: pageSize });
      setOlder([...older, ...page.letters]);
      setNext(page.next);
      return `${count(page.letters.length)} older ones.`;
    });
  };
  const counts = answer.data?.counts ?? {};
  const total = reason === "" ? Object.values(counts).reduce((a, b) => a + b, 0) : counts[reason] ?? 0;
  const all = [...(answer.data?.letters ?? []), ...older];
  const letters = search === "" ? all : all.filter((letter) =>
    `${letter.key ?? ""} ${letter.message ?? ""} ${letter.value ?? ""}`.toLowerCase().includes(search));
  const now = serverNow();
  const columns: Column<DeadLetter>[] = [
    {
      key: "when", title: "When", head: true,
      cell: (l) => (
        <button type="button" class="text-button link" aria-haspopup="dialog" onClick={() => setOpen(l)}>
          {instant(l.timestamp_ms, utc, now)}
        </button>
      ),
    },
    { key: "reason", title: "Reason", cell: (l) => <Badge tone="warning" text={words(l.reason)} /> },
    { key: "key", title: "Key", cell: (l) => <bdi class="device-name">{l.key == null ? "–" : visible(l.key)}</bdi> },
    { key: "message", title: "Message", wide: true, cell: (l) => visible(l.message ?? "") },
    { key: "value", title: "Bytes", cell: (l) => <code class="clip">{visible(bodyText(l)).slice(0, 90)}</code> },
  ];
  return (
    <Panel
      title="Dead letters" note={answer.data ? `${count(letters.length)} shown` : undefined}
      actions={may ? <button type="button" disabled={all.length === 0} onClick={() => setReplaying(true)}>Replay…</button> : undefined}
      sheet={() => ({
        name: "dead-letters",
        columns: ["partition", "offset", "timestamp", "reason", "message", "key", "value", "value_base64"],
        rows: letters.map((l) => [l.partition, l.offset, new Date(l.timestamp_ms).toISOString(), l.reason, l.message, l.key ?? null, l.value ?? null, l.value_base64 ?? null]),
      })}
    >
      <div class="filters">
        <input
          type="search" data-search aria-label="Search the dead letters shown" placeholder="Search those shown ( / )"
          value={params.get("q") ?? ""} onInput={(e) => setParams({ q: e.currentTarget.value }, true)}
        />
        <select aria-label="Reason" value={reason} onChange={(e) => setParams({ reason: e.currentTarget.value })}>
          <option value="">Every reason</option>
          {Object.entries(counts).map(([name, n]) => <option key={name} value={name}>{`${words(name)} (${count(n)})`}</option>)}
          {reason !== "" && counts[reason] === undefined && <option value={reason}>{words(reason)}</option>}
        </select>
      </div>
      {answer.error && <Failure error={answer.error} again={answer.again} />}
      {!answer.data && !answer.error && <Loading lines={6} />}
      {answer.data && letters.length === 0 && <Empty>{all.length === 0 ? "No dead letter." : "None of those shown matches."}</Empty>}
      {letters.length > 0 && <Table caption="Dead letters, newest first" columns={columns} rows={letters} rowKey={(l) => `${l.partition}:${l.offset}`} />}
      {next !== null && <div class="more"><button type="button" onClick={more}>Show older</button></div>}
      {open && <Letter letter={open} onClose={() => setOpen(null)} />}
      {replaying && (
        <Replay
          reason={reason} total={total}
          onClose={(done) => {
            setReplaying(false);
            if (done) answer.again();
          }}
        />
      )}
    </Panel>
  );
}

// Alerts: those that fire, and those that were; silences.
import { useState } from "preact/hooks";
import { api } from "../api/client";
import type { Silence } from "../api/types";
import { Timeline } from "../charts/timeline";
import { AlertFromUrl } from "../components/alert_from_url";
import { AlertTable, alertSheet, openAlert } from "../components/alert_table";
import { Badge } from "../components/badge";
import { attempt } from "../components/notice";
import { Empty, Failure, Loading, Panel } from "../components/panel";
import { Segments } from "../components/segments";
import { SilenceForm } from "../components/silence_form";
import { Table, type Column } from "../components/table";
import { alertVersion, serverNow, summary } from "../state/live";
import { place, setParams } from "../state/location";
import { useMeta } from "../state/meta";
import { useQuery } from "../state/query";
import { mayWrite, session } from "../state/session";
import { zone } from "../state/settings";
import { useStore } from "../state/store";
import { boundsOf, useTimeRange } from "../state/time_range";
import { count, instant, title, visible } from "../text/format";

const pageSize = 200;
const states = [
  { value: "firing", text: "Firing" },
  { value: "resolved", text: "History" },
  { value: "all", text: "All" },
];

export function matcherText(silence: Silence): string {
  return silence.matchers
    .map((m) => {
      const op = m.isRegex ? (m.isEqual === false ? "!~" : "=~") : m.isEqual === false ? "!=" : "=";
      return `${m.name}${op}"${m.value}"`;
    })
    .join(", ");
}

function Silences() {
  const version = useStore(alertVersion);
  const may = mayWrite(useStore(session));
  const utc = useStore(zone) === "utc";
  const [adding, setAdding] = useState(false);
  const answer = useQuery("silences", (signal) => api.silences(signal), 15_000, version);
  const silences = answer.data?.silences ?? [];
  const now = serverNow();
  const isActive = (s: Silence): boolean =>
    s.active ?? (Date.parse(s.startsAt) <= now && (s.endsAt === null || Date.parse(s.endsAt) > now));
  const expire = async (silence: Silence): Promise<void> => {
    const done = await attempt(async () => {
      await api.expireSilence(silence.id);
      return "It has ended.";
    });
    if (done) alertVersion.set(alertVersion.get() + 1);
  };
  const columns: Column<Silence>[] = [
    { key: "kind", title: "Kind", head: true, cell: (s) => title(s.kind) },
    { key: "state", title: "State", cell: (s) => (isActive(s) ? <Badge tone="info" text="Active" /> : <Badge tone="quiet" text="Ended" />) },
    { key: "what", title: "What", cell: (s) => <code class="wrap">{visible(s.matchers.length > 0 ? matcherText(s) : `alert ${s.caught ?? ""}`)}</code> },
    { key: "until", title: "Until", cell: (s) => (s.endsAt === null ? "it resolves" : instant(Date.parse(s.endsAt), utc, now)) },
    { key: "who", title: "By", wide: true, cell: (s) => visible(s.createdBy) },
    { key: "why", title: "Why", wide: true, cell: (s) => visible(s.comment) },
    { key: "end", title: "Action", cell: (s) => (may && isActive(s) ? <button type="button" aria-label={`End it: ${s.kind} ${s.id}`} onClick={() => void expire(s)}>End it</button> : null) },
  ];
  return (
    <Panel
      title="Silences and acknowledgements"
      actions={may && answer.data?.enabled ? <button type="button" onClick={() => setAdding(true)}>New silence…</button> : undefined}
    >
      {answer.error && <Failure error={answer.error} again={answer.again} />}
      {!answer.data && !answer.error && <Loading />}
      {answer.data && silences.length === 0 && <Empty>Nothing is silenced.</Empty>}
      {silences.length > 0 && <Table caption="Silences, acknowledgements and shelves" columns={columns} rows={silences} rowKey={(s) => s.id} />}
      {adding && (
        <SilenceForm
          matchers={[]} onClose={() => setAdding(false)}
          onDone={() => {
            setAdding(false);
            alertVersion.set(alertVersion.get() + 1);
          }}
        />
      )}
    </Panel>
  );
}

export function Alerts() {
  const { delivery } = useMeta();
  const { params } = useStore(place);
  const range = useTimeRange();
  const version = useStore(alertVersion);
  const now = useStore(summary);
  const state = params.get("state") ?? "firing";
  const search = params.get("q") ?? "";
  const severity = params.get("severity") ?? "";
  const rangeKey = range.kind === "last" ? range.text : `${range.fromMs}-${range.toMs}`;
  const bounds = boundsOf(range, serverNow());
  const [limit, setLimit] = useState(pageSize);

  const history = useQuery(`timeline ${rangeKey}`, (signal) => {
    const { fromMs, toMs } = boundsOf(range, serverNow());
    return api.alerts({ from: Math.floor(fromMs), to: Math.ceil(toMs), limit: 1000 }, signal);
  }, 15_000, version);
  const answer = useQuery(`alerts ${state} ${search} ${severity} ${limit} ${state === "firing" ? "" : rangeKey}`, (signal) => {
    const { fromMs, toMs } = boundsOf(range, serverNow());
    // What fires is shown whatever the range: nobody may miss it.
    const within = state === "firing" ? {} : { from: Math.floor(fromMs), to: Math.ceil(toMs) };
    return api.alerts({ state, search, severity, limit, ...within }, signal);
  }, 15_000, version);
  const alerts = answer.data?.alerts ?? [];
  const drawn = history.data?.alerts ?? [];
  return (
    <>
      <Panel title="Timeline" note={history.data ? `${count(history.data.total)} alerts in this range${history.data.total > drawn.length ? `, the ${count(drawn.length)} newest drawn` : ""}` : undefined}>
        {history.error && <Failure error={history.error} again={history.again} />}
        {!history.data && !history.error && <Loading />}
        {history.data && drawn.length === 0 && <Empty>No alert in this time range.</Empty>}
        {drawn.length > 0 && <Timeline alerts={drawn} fromMs={bounds.fromMs} toMs={bounds.toMs} onOpen={openAlert} />}
      </Panel>
      <Panel
        title="Alerts"
        note={answer.data ? `${count(alerts.length)} of ${count(answer.data.total)}${answer.data.complete ? "" : "; older ones are in the log only"}` : undefined}
        sheet={() => alertSheet(alerts, `alerts-${state}`)}
      >
        <div class="filters">
          <Segments label="State" options={states} value={state} onChange={(value) => setParams({ state: value === "firing" ? null : value })} />
          <input
            type="search" data-search aria-label="Search alerts" placeholder="Device or rule ( / )" value={search}
            onInput={(e) => setParams({ q: e.currentTarget.value }, true)}
          />
          <select aria-label="Severity" value={severity} onChange={(e) => setParams({ severity: e.currentTarget.value })}>
            <option value="">Every severity</option>
            <option value="critical">Critical</option>
            <option value="warning">Warning</option>
            <option value="info">Info</option>
          </select>
        </div>
        {answer.error && <Failure error={answer.error} again={answer.again} />}
        {!answer.data && !answer.error && <Loading lines={6} />}
        {answer.data && alerts.length === 0 && (
          <Empty>
            {state === "firing" && search === "" && severity === ""
              ? `Nothing fires. ${now ? `${count(now.devices)} devices are watched.` : ""}`
              : "No alert matches."}
          </Empty>
        )}
        {alerts.length > 0 && <AlertTable alerts={alerts} caption={`Alerts: ${state}`} />}
        {answer.data && answer.data.total > alerts.length && limit < 1000 && (
          <div class="more"><button type="button" onClick={() => setLimit(Math.min(limit + pageSize, 1000))}>Show more</button></div>
        )}
      </Panel>
      {delivery && <Silences />}
      <AlertFromUrl known={alerts} />
    </>
  );
}

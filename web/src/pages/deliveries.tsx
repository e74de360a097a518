// Messages to people: what was sent, what waits, what failed; and the channels they go through.
import { useState } from "preact/hooks";
import { api } from "../api/client";
import type { Channel, Delivery, DeliveryAttempt } from "../api/types";
import { Badge, StateBadge } from "../components/badge";
import { Dialog } from "../components/dialog";
import { attempt } from "../components/notice";
import { Empty, Failure, Loading, Panel } from "../components/panel";
import { Segments } from "../components/segments";
import { Table, type Column } from "../components/table";
import { alertVersion, serverNow } from "../state/live";
import { place, setParams } from "../state/location";
import { useQuery } from "../state/query";
import { mayWrite, session } from "../state/session";
import { zone } from "../state/settings";
import { useStore } from "../state/store";
import { count, instant, span, visible } from "../text/format";

const states = [
  { value: "", text: "All" },
  { value: "queued", text: "Queued" },
  { value: "dead", text: "Dead" },
  { value: "done", text: "Done" },
];

const at = (text: string | null | undefined): number | null => (text ? Date.parse(text) : null);

function Channels() {
  const may = mayWrite(useStore(session));
  const [busy, setBusy] = useState("");
  const answer = useQuery("channels", (signal) => api.channels(signal), 10_000);
  const channels = answer.data?.channels ?? [];
  const test = async (channel: Channel): Promise<void> => {
    setBusy(channel.name);
    await attempt(async () => {
      const outcome = await api.testChannel(channel.name);
      return `${channel.name}: ${visible(String(outcome["message"] ?? outcome["outcome"] ?? "sent"))}`;
    });
    setBusy("");
    answer.again();
  };
  const enable = async (channel: Channel): Promise<void> => {
    await attempt(async () => {
      await api.enableChannel(channel.name);
      return `${channel.name} is taken up again.`;
    });
    answer.again();
  };
  const columns: Column<Channel>[] = [
    { key: "name", title: "Channel", head: true, cell: (c) => visible(c.name) },
    {
      key: "state", title: "State",
      cell: (c) => (c.disabled
        ? <Badge tone="critical" text="Ended by its service" />
        : c.breaker === "closed" ? <Badge tone="ok" text="Sends" /> : <Badge tone="warning" text={`Breaker ${c.breaker.replace("_", " ")}`} />),
    },
    { key: "waiting", title: "Waiting", numeric: true, cell: (c) => count((c.queued ?? 0) + (c.sending ?? 0)) },
    { key: "delivered", title: "Delivered", numeric: true, cell: (c) => count(c.delivered) },
    { key: "failed", title: "Failed attempts", numeric: true, wide: true, cell: (c) => count(c.failed_attempts) },
    { key: "dead", title: "Given up", numeric: true, cell: (c) => count(c.dead) },
    { key: "why", title: "Last reason", wide: true, cell: (c) => visible(c.last_dead_reason ?? "") },
    {
      key: "do", title: "Action",
      cell: (c) => (may ? (
        <span class="buttons tight">
          <button type="button" disabled={busy !== ""} aria-label={`Test ${c.name}`} onClick={() => void test(c)}>Test</button>
          {c.disabled && <button type="button" aria-label={`Enable ${c.name}`} onClick={() => void enable(c)}>Enable</button>}
        </span>
      ) : null),
    },
  ];
  return (
    <Panel title="Channels">
      {answer.error && <Failure error={answer.error} again={answer.again} />}
      {!answer.data && !answer.error && <Loading />}
      {answer.data && channels.length === 0 && <Empty>No channel is configured.</Empty>}
      {channels.length > 0 && <Table caption="Channels" columns={columns} rows={channels} rowKey={(c) => c.name} />}
    </Panel>
  );
}

function One({ id, onClose }: { id: string; onClose: () => void }) {
  const utc = useStore(zone) === "utc";
  const may = mayWrite(useStore(session));
  const answer = useQuery(`delivery ${id}`, (signal) => api.delivery(id, signal), 5_000);
  const delivery = answer.data?.delivery ?? null;
  const columns: Column<DeliveryAttempt>[] = [
    { key: "at", title: "When", head: true, cell: (a) => instant(at(a.at), utc, serverNow()) },
    { key: "outcome", title: "Outcome", cell: (a) => <StateBadge state={a.outcome ?? "?"} /> },
    { key: "took", title: "Took", numeric: true, cell: (a) => span(a.took_ms) },
    { key: "what", title: "Answer", cell: (a) => <span class="wrap">{visible(a.message ?? "")}</span> },
  ];
  const redeliver = async (): Promise<void> => {
    await attempt(async () => {
      await api.redeliver(id);
      return "Queued again, with the same id.";
    });
    answer.again();
    alertVersion.set(alertVersion.get() + 1);
  };
  return (
    <Dialog title="Delivery" onClose={onClose} drawer>
      {answer.error && <Failure error={answer.error} />}
      {answer.data && !delivery && <p>No delivery has this id any more.</p>}
      {delivery && (
        <>
          <p>{visible(delivery.summary)}</p>
          <dl class="facts">
            <dt>State</dt><dd><StateBadge state={delivery.state} /></dd>
            <dt>Channel</dt><dd>{visible(delivery.channel)}</dd>
            <dt>Queued</dt><dd>{instant(at(delivery.queued_at), utc)}</dd>
            {delivery.due_at && delivery.state === "queued" && <><dt>Next attempt</dt><dd>{instant(at(delivery.due_at), utc)}</dd></>}
            {delivery.ended_at && <><dt>Ended</dt><dd>{instant(at(delivery.ended_at), utc)}</dd></>}
            <dt>Group</dt><dd class="mono">{visible(delivery.group_key ?? "–")}</dd>
            <dt>Id</dt><dd class="mono">{delivery.id}</dd>
          </dl>
          {may && (delivery.state === "dead" || delivery.state === "done") && (
            <div class="buttons"><button type="button" onClick={() => void redeliver()}>Deliver again</button></div>
          )}
          <h3>Attempts</h3>
          {(delivery.log ?? []).length === 0
            ? <p class="muted">None yet.</p>
            : <Table caption="Attempts" columns={columns} rows={delivery.log ?? []} rowKey={(a) => `${a.at ?? ""} ${a.outcome ?? ""}`} />}
          <h3>Message</h3>
          {delivery.message
            ? <pre class="raw" tabIndex={0}>{visible(delivery.message.body ?? "")}</pre>
            : <p class="muted">The message is not kept any more.</p>}
        </>
      )}
    </Dialog>
  );
}

export function Deliveries() {
  const { params } = useStore(place);
  const utc = useStore(zone) === "utc";
  const version = useStore(alertVersion);
  const state = params.get("state") ?? "";
  const channel = params.get("channel") ?? "";
  const open = params.get("delivery");
  const answer = useQuery(`deliveries ${state} ${channel}`, (signal) => api.deliveries({ state, channel, limit: 200 }, signal), 10_000, version);
  const deliveries = answer.data?.deliveries ?? [];
  const now = serverNow();
  const columns: Column<Delivery>[] = [
    {
      key: "summary", title: "Message", head: true,
      cell: (d) => (
        <button type="button" class="text-button link clip" aria-haspopup="dialog" onClick={() => setParams({ delivery: d.id })}>
          {visible(d.summary)}
        </button>
      ),
    },
    { key: "state", title: "State", cell: (d) => <StateBadge state={d.state} /> },
    { key: "channel", title: "Channel", cell: (d) => visible(d.channel) },
    { key: "queued", title: "Queued", cell: (d) => instant(at(d.queued_at), utc, now) },
    { key: "attempts", title: "Attempts", numeric: true, cell: (d) => count(d.attempts) },
    { key: "error", title: "Last error", wide: true, cell: (d) => <span class="clip">{visible(d.last_error ?? "")}</span> },
  ];
  if (answer.data && !answer.data.enabled) {
    return (
      <Panel title="Deliveries">
        <Empty>
          No channel is configured: alerts go to the alert log only. Set <code>ALERT_WEBHOOK_URL</code>,{" "}
          <code>ALERT_SLACK_WEBHOOK_URL</code> or <code>ALERT_ROUTES_FILE</code> to tell people.
        </Empty>
      </Panel>
    );
  }
  return (
    <>
      <Channels />
      <Panel
        title="Deliveries" note={answer.data ? `the ${count(deliveries.length)} newest` : undefined}
        sheet={() => ({
          name: "deliveries",
          columns: ["id", "state", "channel", "kind", "receiver", "summary", "attempts", "queued_at", "ended_at", "last_error"],
          rows: deliveries.map((d) => [d.id, d.state, d.channel, d.kind, d.receiver, d.summary, d.attempts, d.queued_at, d.ended_at ?? null, d.last_error ?? null]),
        })}
      >
        <div class="filters">
          <Segments label="State" options={states} value={state} onChange={(value) => setParams({ state: value })} />
        </div>
        {answer.error && <Failure error={answer.error} again={answer.again} />}
        {!answer.data && !answer.error && <Loading lines={6} />}
        {answer.data && deliveries.length === 0 && <Empty>No delivery.</Empty>}
        {deliveries.length > 0 && <Table caption="Deliveries, newest first" columns={columns} rows={deliveries} rowKey={(d) => d.id} />}
      </Panel>
      {open !== null && <One key={open} id={open} onClose={() => setParams({ delivery: null })} />}
    </>
  );
}

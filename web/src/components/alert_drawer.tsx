// One alert: what it says, what it saw, whom it told, and what can be done.
import { useState } from "preact/hooks";
import { api } from "../api/client";
import type { Alert, Delivery } from "../api/types";
import { alertVersion, serverNow } from "../state/live";
import { href } from "../state/location";
import { useMeta } from "../state/meta";
import { useQuery } from "../state/query";
import { mayWrite, session } from "../state/session";
import { zone } from "../state/settings";
import { useStore } from "../state/store";
import { instant, measure, span, visible, words } from "../text/format";
import { QuietBadge } from "./alert_table";
import { SeverityBadge, StateBadge } from "./badge";
import { DeviceLink } from "./device_name";
import { Dialog } from "./dialog";
import { attempt } from "./notice";
import { Failure } from "./panel";
import { SilenceForm } from "./silence_form";

/** Messages about alerts of this rule since this one began; a group may hold more than one alert. */
export function messagesAbout(alert: Alert, deliveries: Delivery[]): Delivery[] {
  return deliveries.filter((delivery) => {
    const at = Date.parse(delivery.queued_at ?? "");
    if (!Number.isFinite(at) || at < alert.starts_ms - 60_000) return false;
    if (alert.ends_ms !== null && at > alert.ends_ms + 3600_000) return false;
    const text = `${delivery.group_key ?? ""} ${delivery.summary}`;
    return text.includes(alert.rule) || text.includes(alert.device_id);
  });
}

function Messages({ alert }: { alert: Alert }) {
  const utc = useStore(zone) === "utc";
  const answer = useQuery("drawer", (signal) => api.deliveries({ limit: 500 }, signal), 10_000);
  if (answer.error) return <Failure error={answer.error} again={answer.again} />;
  const found = messagesAbout(alert, answer.data?.deliveries ?? []).slice(0, 12);
  if (found.length === 0) return <p class="muted">No message about it is kept.</p>;
  return (
    <ul class="plain">
      {found.map((delivery) => (
        <li key={delivery.id}>
          <StateBadge state={delivery.state} />{" "}
          <a href={href("/deliveries", { delivery: delivery.id })}>{delivery.channel}</a>{" "}
          <span class="muted">
            {instant(Date.parse(delivery.queued_at ?? ""), utc, serverNow())},{" "}
            {delivery.attempts === 1 ? "1 attempt" : `${delivery.attempts} attempts`}
            {delivery.last_error ? `, last error: ${visible(delivery.last_error)}` : ""}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Pairs({ of }: { of: Record<string, string> }) {
  return (
    <>
      {Object.entries(of).map(([name, value]) => (
        <><dt key={name}>{visible(name)}</dt><dd>{visible(value)}</dd></>
      ))}
    </>
  );
}

function Acknowledge({ alert }: { alert: Alert }) {
  const [comment, setComment] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    const done = await attempt(async () => {
      await api.acknowledge(alert.fingerprint, comment);
      return "Acknowledged: no repeats until it resolves.";
    });
    setBusy(false);
    if (done) alertVersion.set(alertVersion.get() + 1);
  };
  return (
    <form class="inline-form" onSubmit={(event) => void submit(event)}>
      <label>
        Comment
        <input value={comment} placeholder="on my way" onInput={(e) => setComment(e.currentTarget.value)} />
      </label>
      <button type="submit" class="primary" disabled={busy}>Acknowledge</button>
    </form>
  );
}

export function AlertDrawer({ alert, onClose }: { alert: Alert; onClose: () => void }) {
  const { delivery } = useMeta();
  const utc = useStore(zone) === "utc";
  const may = mayWrite(useStore(session));
  const [silencing, setSilencing] = useState(false);
  const now = serverNow();
  const from = String(Math.floor(alert.starts_ms - 15 * 60_000));
  const to = String(Math.ceil(Math.min((alert.ends_ms ?? now) + 15 * 60_000, now)));
  return (
    <Dialog title={words(alert.rule)} onClose={onClose} drawer>
      <p><SeverityBadge severity={alert.severity} /> <StateBadge state={alert.state} /> <QuietBadge alert={alert} /></p>
      {alert.annotations["summary"] && <p>{visible(alert.annotations["summary"])}</p>}
      <dl class="facts">
        <dt>Device</dt><dd><DeviceLink id={alert.device_id} /></dd>
        <dt>Started</dt><dd>{instant(alert.starts_ms, utc)}</dd>
        <dt>Ended</dt><dd>{alert.ends_ms === null ? "still firing" : instant(alert.ends_ms, utc)}</dd>
        <dt>Lasted</dt><dd>{span((alert.ends_ms ?? now) - alert.starts_ms)}</dd>
        <dt>Value</dt><dd>{measure(alert.value)}</dd>
        <dt>Events</dt><dd>{alert.event_count}</dd>
        {alert.cause && <><dt>Cause</dt><dd>{words(alert.cause)}</dd></>}
        {alert.flapping && <><dt>Flapping</dt><dd>yes</dd></>}
        <Pairs of={alert.labels} />
        <Pairs of={alert.annotations} />
        <dt>Id</dt><dd class="mono">{alert.id}</dd>
      </dl>
      <p>
        <a href={`/device?${new URLSearchParams({ id: alert.device_id, from, to }).toString()}`}>
          The readings around it
        </a>
      </p>
      {delivery && may && alert.state === "firing" && (
        <>
          <h3>Do something</h3>
          <Acknowledge alert={alert} />
          <div class="buttons">
            <button type="button" onClick={() => setSilencing(true)}>Silence…</button>
          </div>
        </>
      )}
      <h3>Messages</h3>
      {delivery
        ? <Messages alert={alert} />
        : <p class="muted">No channel is configured: alerts go to the alert log only.</p>}
      {silencing && (
        <SilenceForm
          matchers={[{ name: "alertname", value: alert.rule }, { name: "device_id", value: alert.device_id }]}
          onClose={() => setSilencing(false)}
          onDone={() => {
            setSilencing(false);
            alertVersion.set(alertVersion.get() + 1);
          }}
        />
      )}
    </Dialog>
  );
}

// What a person sees first: how much, how many, what is wrong, how it moves.
import { api } from "../api/client";
import { AlertTable, alertSheet } from "../components/alert_table";
import { AlertFromUrl } from "../components/alert_from_url";
import { HourlyTable, hourlySheet } from "../components/hourly_table";
import { MetricChart } from "../components/metric_chart";
import { Empty, Failure, Figure, Loading, Panel } from "../components/panel";
import { alertVersion, pipeline, serverNow, summary } from "../state/live";
import { href } from "../state/location";
import { useMeta } from "../state/meta";
import { useQuery } from "../state/query";
import { useStore } from "../state/store";
import { ago, count, rate, span } from "../text/format";

function Figures() {
  const now = useStore(summary);
  const online = now && now.devices > 0 ? `${count(now.devices_online)} online, ${count(now.devices_offline)} offline` : "none yet";
  return (
    <div class="figures">
      <Figure
        label="Events" value={count(now?.events)} link={href("/pipeline")}
        note={now ? `${rate(now.events_per_second)} now` : ""}
      />
      <Figure label="Devices" value={count(now?.devices)} link={href("/fleet")} note={now ? online : ""} />
      <Figure
        label="Alerts" value={count(now?.alerts)} link={href("/alerts", { state: "all" })}
        note={now ? `${count(now.alerts_firing)} firing now` : ""}
      />
      <Figure
        label="Devices in alert" value={count(now?.devices_in_alert)} link={href("/fleet", { state: "alert" })}
        tone={now && now.devices_in_alert > 0 ? "critical" : "calm"}
        note={now ? (now.devices_in_alert === 0 ? "all is quiet" : `of ${count(now.devices)}`) : ""}
      />
    </div>
  );
}

function PipelineStrip() {
  const now = useStore(pipeline);
  const figures = useStore(summary);
  if (!now) return null;
  const behind = now.watermark_ms === null ? "–" : ago(now.watermark_ms, now.now_ms);
  return (
    <section class="panel strip" aria-label="Pipeline">
      <dl>
        <div><dt>In</dt><dd>{rate(now.rates.appended)}</dd></div>
        <div><dt>Processed</dt><dd>{rate(now.rates.processed)}</dd></div>
        <div><dt>Lag</dt><dd>{count(now.lag)}</dd></div>
        <div><dt>Newest event</dt><dd>{behind}</dd></div>
        <div><dt>Dead letters</dt><dd>{count(figures?.dead_letters)}</dd></div>
        <div>
          <dt>Unaccounted</dt>
          <dd>{count(now.totals.unaccounted)}{now.totals.unaccounted === 0 ? " ✓" : " !"}</dd>
        </div>
        <div><dt>Up</dt><dd>{span(now.uptime_seconds * 1000)}</dd></div>
      </dl>
      <a href={href("/pipeline")}>Pipeline</a>
    </section>
  );
}

function RecentAlerts() {
  const version = useStore(alertVersion);
  const answer = useQuery("recent-alerts", (signal) => api.alerts({ limit: 25 }, signal), 15_000, version);
  const alerts = answer.data?.alerts ?? [];
  return (
    <Panel
      title="Recent alerts"
      note={answer.data ? `${alerts.length} of ${count(answer.data.total)}` : undefined}
      actions={<a href={href("/alerts")}>All</a>}
      sheet={() => alertSheet(alerts, "recent-alerts")}
      class="tall"
    >
      {answer.error && <Failure error={answer.error} again={answer.again} />}
      {!answer.error && !answer.data && <Loading lines={6} />}
      {answer.data && alerts.length === 0 && <Empty>No alert so far.</Empty>}
      {alerts.length > 0 && <AlertTable alerts={alerts} caption="The 25 newest alerts" />}
    </Panel>
  );
}

function Hourly() {
  const { refresh_seconds, metrics } = useMeta();
  const answer = useQuery("hourly", (signal) => api.hourly({ limit: 20 }, signal), Math.max(refresh_seconds, 5) * 1000);
  const rows = answer.data?.rows ?? [];
  const written = answer.data?.written_ms ?? null;
  return (
    <Panel
      title="Hourly aggregates"
      note={written === null ? undefined : `written ${ago(written, serverNow())}`}
      sheet={() => hourlySheet(rows, metrics)}
    >
      {answer.error && <Failure error={answer.error} again={answer.again} />}
      {!answer.error && !answer.data && <Loading lines={6} />}
      {answer.data && rows.length === 0 && (
        <Empty>
          {written === null
            ? "The batch job has not written its tables yet; it does so every so often while the pipeline runs."
            : "The tables hold no hour yet."}
        </Empty>
      )}
      {rows.length > 0 && <HourlyTable rows={rows} caption="The 20 newest hourly aggregates" />}
    </Panel>
  );
}

export function Overview() {
  const { metrics } = useMeta();
  const now = useStore(summary);
  return (
    <>
      <Figures />
      <PipelineStrip />
      {now !== null && now.events === 0 && now.devices === 0 && <Welcome />}
      <div class={metrics.length === 1 ? "" : "two"}>
        {metrics.map((metric, i) => <MetricChart key={metric.name} metric={metric} index={i} device={null} />)}
      </div>
      <RecentAlerts />
      <Hourly />
      <AlertFromUrl known={[]} />
    </>
  );
}

function Welcome() {
  const origin = window.location.origin;
  const line = '{"device_id":"dev_1","timestamp":"' + new Date(serverNow()).toISOString() + '","temperature":21.5,"humidity":48}';
  return (
    <Panel title="No readings yet">
      <div class="panel-body">
        <p>Send the first one, and this page fills by itself:</p>
        <pre class="raw">{`curl -X POST ${origin}/api/v1/events \\\n  -H 'Content-Type: application/json' \\\n  -d '${line}'`}</pre>
      </div>
    </Panel>
  );
}

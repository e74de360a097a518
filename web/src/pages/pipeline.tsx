// The pipeline itself: stages with their rates, what became of everything that was read, topics.
import type { Topic } from "../api/types";
import { Empty, Figure, Loading, Panel } from "../components/panel";
import { Table, type Column } from "../components/table";
import { pipeline } from "../state/live";
import { api } from "../api/client";
import { useQuery } from "../state/query";
import { useMeta } from "../state/meta";
import { href } from "../state/location";
import { useStore } from "../state/store";
import { ago, bytes, count, rate, span, words } from "../text/format";

export function Pipeline() {
  const { version, metrics, rules_file } = useMeta();
  const live = useStore(pipeline);
  const answer = useQuery("pipeline", (signal) => api.pipeline(signal), 0);
  const now = live ?? answer.data;
  if (!now) return <Panel title="Pipeline"><Loading lines={6} /></Panel>;
  const { rates, totals } = now;
  const parts = [
    { name: "Processed", value: totals.processed, mark: "part-1" },
    { name: "Dead letters", value: totals.dead_letters, mark: "part-2" },
    { name: "Duplicates", value: totals.duplicates, mark: "part-3" },
    { name: "Unaccounted", value: totals.unaccounted, mark: "part-4" },
  ];
  const columns: Column<Topic>[] = [
    { key: "topic", title: "Topic", head: true, cell: (t) => t.topic },
    { key: "partitions", title: "Partitions", numeric: true, cell: (t) => count(t.partitions) },
    { key: "records", title: "Records held", numeric: true, cell: (t) => count(t.records) },
    { key: "bytes", title: "Size", numeric: true, cell: (t) => bytes(t.bytes) },
  ];
  const reasons = Object.entries(totals.dlq).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
  return (
    <>
      <Panel title="Stages" note="over the last seconds">
        <ol class="flow">
          <li><span class="flow-name">Appended to iot.raw</span><span class="flow-rate">{rate(rates.appended)}</span></li>
          <li><span class="flow-name">Processed</span><span class="flow-rate">{rate(rates.processed)}</span><span class="flow-name">lag {count(now.lag)}</span></li>
          <li><span class="flow-name">Dead letters to iot.dlq</span><span class="flow-rate">{rate(rates.dead_letters)}</span><a href={href("/dead-letters")}>look at them</a></li>
          <li><span class="flow-name">Alert transitions to iot.alerts</span><span class="flow-rate">{rate(rates.alerts)}</span><a href={href("/alerts")}>look at them</a></li>
        </ol>
      </Panel>
      <div class="figures">
        <Figure label="Lag" value={count(now.lag)} note="records not processed yet" tone={now.lag > 100_000 ? "critical" : "calm"} />
        <Figure label="Watermark" value={now.watermark_ms === null ? "–" : ago(now.watermark_ms, now.now_ms)} note="newest event time processed" />
        <Figure label="Up" value={span(now.uptime_seconds * 1000)} note={`version ${version}`} />
        <Figure label="Live view" value={bytes(now.live.bytes)} note={`${count(now.live.readings)} readings of ${count(now.live.devices)} devices`} />
      </div>
      <div class="split">
        <Panel
          title="Balance"
          note={`${count(totals.read)} read in this run`}
          sheet={() => ({
            name: "balance", columns: ["what", "events"],
            rows: [["read", totals.read], ...parts.map((p) => [p.name.toLowerCase(), p.value]), ...Object.entries(totals.dlq).map(([r, n]) => [`dead letters: ${r}`, n])],
          })}
        >
          <div class="panel-body">
            <div class="bar" aria-hidden="true">
              {totals.read > 0 && parts.filter((p) => p.value > 0).map((p) => (
                <span key={p.name} class={p.mark} style={{ flexGrow: String(p.value) }} />
              ))}
            </div>
            <dl class="facts balance">
              {totals.generated != null && <><dt>Generated</dt><dd>{count(totals.generated)}</dd></>}
              <dt>Read</dt><dd>{count(totals.read)}</dd>
              {parts.map((p) => <><dt key={p.name}>{p.name}</dt><dd>{count(p.value)}</dd></>)}
              <dt>Alerts</dt><dd>{count(totals.firing)} firing, {count(totals.resolved)} resolved</dd>
            </dl>
            <p class={totals.unaccounted === 0 ? "muted" : "form-error"}>
              {totals.unaccounted === 0
                ? "Every event read is processed, a dead letter or a counted duplicate."
                : `${count(totals.unaccounted)} events are not accounted for: please report this.`}
            </p>
            {reasons.length > 0 && (
              <>
                <h3>Dead letters by reason</h3>
                <dl class="facts">
                  {reasons.map(([reason, n]) => (
                    <><dt key={reason}><a href={href("/dead-letters", { reason })}>{words(reason)}</a></dt><dd>{count(n)}</dd></>
                  ))}
                </dl>
              </>
            )}
          </div>
        </Panel>
        <Panel title="Topics">
          {now.topics.length === 0
            ? <Empty>No topic.</Empty>
            : <Table caption="Topics" columns={columns} rows={now.topics} rowKey={(t) => t.topic} />}
          <div class="panel-body">
            <dl class="facts">
              <dt>Metrics</dt><dd>{metrics.map((m) => (m.unit === "" ? m.name : `${m.name} (${m.unit})`)).join(", ")}</dd>
              <dt>Rules</dt><dd>{rules_file ?? "the default rules"}</dd>
              <dt>Readers of this page</dt><dd>{count(now.clients)}</dd>
              <dt>Live view behind</dt><dd>{count(now.live.behind)} records{now.live.skipped > 0 ? `, ${count(now.live.skipped)} passed over` : ""}</dd>
            </dl>
          </div>
        </Panel>
      </div>
    </>
  );
}

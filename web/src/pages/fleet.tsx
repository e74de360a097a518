// All devices: a heat map of their states and a table of their last values.
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import type { Device } from "../api/types";
import { HeatMap } from "../charts/heat_map";
import { StateBadge } from "../components/badge";
import { deviceHref, DeviceLink } from "../components/device_name";
import { Empty, Failure, Loading, Panel } from "../components/panel";
import { Segments } from "../components/segments";
import { VirtualTable, type Column } from "../components/table";
import {
  fleet, fleetError, fleetLoaded, fleetVersion, loadFleet, matches, mostDevices, sorted,
} from "../state/fleet";
import { serverNow } from "../state/live";
import { navigate, place, setParams } from "../state/location";
import { useMeta } from "../state/meta";
import { useStore } from "../state/store";
import { ago, count, reading, title, words } from "../text/format";

const rowHeight = 35;
// Values in the table are always fresh; the order of its rows is found anew this often.
const orderEveryMs = 4_000;

const states = [
  { value: "all", text: "All" },
  { value: "alert", text: "In alert" },
  { value: "offline", text: "Offline" },
  { value: "ok", text: "OK" },
];

function describe(device: Device): string {
  if (device.state === "offline") return `offline, last seen ${ago(device.last_seen_ms, serverNow())}`;
  if (device.state === "alert") return `in alert: ${device.reasons.map(words).join(", ")}`;
  return "OK";
}

/** Grows every few seconds. */
function useOrderClock(): number {
  const [clock, setClock] = useState(0);
  useEffect(() => {
    const timer = window.setInterval(() => setClock((c) => c + 1), orderEveryMs);
    return () => window.clearInterval(timer);
  }, []);
  return clock;
}

export function Fleet() {
  const { metrics } = useMeta();
  const { params } = useStore(place);
  const version = useStore(fleetVersion);
  const loaded = useStore(fleetLoaded);
  const error = useStore(fleetError);
  useEffect(() => void loadFleet(), []);

  const search = params.get("q") ?? "";
  const state = params.get("state") ?? "all";
  const sort = params.get("sort") ?? "state";
  const order = params.get("order") === "desc" ? "desc" : "asc";
  const clock = useOrderClock();
  const ids = useMemo(
    () => sorted(fleet.devices.filter((d) => matches(d, { search, state })), sort, order, metrics).map((d) => d.id),
    [search, state, sort, order, clock, fleet.devices.length, loaded],
  );
  const byId = useMemo(() => new Map(fleet.devices.map((d) => [d.id, d])), [version, loaded]);
  const byName = useMemo(
    () => sorted(fleet.devices.filter((d) => matches(d, { search, state: "all" })), "id", "asc", metrics).map((d) => d.id),
    [search, fleet.devices.length, loaded],
  );
  const cells = useMemo(
    () => byName.map((id) => byId.get(id)).filter((d): d is Device => d !== undefined),
    [byName, byId],
  );

  const columns: Column<Device>[] = [
    { key: "id", title: "Device", head: true, sortable: true, cell: (d) => <DeviceLink id={d.id} /> },
    { key: "state", title: "State", sortable: true, cell: (d) => <StateBadge state={d.state} /> },
    ...metrics.map((metric, m): Column<Device> => ({
      key: `m.${metric.name}`, title: title(metric.name), numeric: true, sortable: true,
      cell: (d) => reading(d.values[m] ?? null, metric),
    })),
    { key: "seen", title: "Last seen", sortable: true, numeric: true, cell: (d) => ago(d.last_seen_ms, serverNow()) },
    { key: "alerts", title: "Alerts", sortable: true, numeric: true, wide: true, cell: (d) => (d.alerts === 0 ? "" : count(d.alerts)) },
    { key: "events", title: "Events", sortable: true, numeric: true, wide: true, cell: (d) => count(d.events) },
  ];
  const rowAt = (i: number): Device | undefined => byId.get(ids[i] ?? "");
  const nothing = useCallback(() => undefined, []);
  const beyond = fleet.total > mostDevices;

  if (!loaded && fleet.devices.length === 0) {
    return <Panel title="Fleet">{error ? <Failure error={error} again={() => void loadFleet()} /> : <Loading lines={8} />}</Panel>;
  }
  return (
    <>
      <Panel title="Heat map" note={`${count(cells.length)} ${cells.length === 1 ? "device" : "devices"}`}>
        {cells.length === 0
          ? <Empty>No device matches.</Empty>
          : <HeatMap devices={cells} version={version} describe={describe} onOpen={(d) => navigate(deviceHref(d.id))} />}
      </Panel>
      <Panel
        title="Devices"
        note={`${count(ids.length)} of ${count(fleet.total)}${beyond ? `; the first ${count(mostDevices)} are held here` : ""}`}
        sheet={() => ({
          name: "devices",
          columns: ["device_id", "state", "alerts", ...metrics.map((m) => m.name), "last_seen", "events"],
          rows: ids.map((id) => byId.get(id)).filter((d): d is Device => d !== undefined).map((d) => [
            d.id, d.state, d.reasons.join(" "), ...metrics.map((_, m) => d.values[m] ?? null),
            new Date(d.last_seen_ms).toISOString(), d.events,
          ]),
        })}
      >
        <div class="filters">
          <input
            type="search" data-search aria-label="Search devices" placeholder="Search devices ( / )" value={search}
            onInput={(e) => setParams({ q: e.currentTarget.value }, true)}
          />
          <Segments label="State" options={states} value={state} onChange={(value) => setParams({ state: value === "all" ? null : value })} />
        </div>
        {ids.length === 0
          ? <Empty>No device matches.</Empty>
          : (
            <VirtualTable
              caption="Devices" columns={columns} total={ids.length} rowAt={rowAt} rowKey={(d) => d.id}
              rowHeight={rowHeight} onWindow={nothing}
              sorting={{ key: sort, order, set: (key, next) => setParams({ sort: key, order: next }, true) }}
            />
          )}
      </Panel>
    </>
  );
}

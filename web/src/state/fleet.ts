// All devices of the fleet in the page's memory, kept fresh by the live stream, so that search and
// sorting answer at once. Bounded: of larger fleets the first `mostDevices` by id.
import { api } from "../api/client";
import type { Device, DeviceChanges, Metric } from "../api/types";
import { missed, onDevices } from "./live";
import { Store } from "./store";

export const mostDevices = 50_000;
const pageSize = 10_000;

export class FleetView {
  readonly devices: Device[] = [];
  /** Devices of the server, also those beyond the bound. */
  total = 0;
  private readonly places = new Map<string, number>();

  /** Takes in devices, new or changed. */
  merge(devices: Device[]): void {
    for (const device of devices) {
      const at = this.places.get(device.id);
      if (at !== undefined) this.devices[at] = device;
      else if (this.devices.length < mostDevices) {
        this.places.set(device.id, this.devices.length);
        this.devices.push(device);
      }
    }
    this.total = Math.max(this.total, this.devices.length);
  }
}

export const fleet = new FleetView();
export const fleetVersion = new Store<number>(0);
export const fleetError = new Store<Error | null>(null);
export const fleetLoaded = new Store<boolean>(false);

let watching = false;

const changed = (): void => fleetVersion.set(fleetVersion.get() + 1);

export async function loadFleet(): Promise<void> {
  if (!watching) {
    watching = true;
    onDevices((changes: DeviceChanges) => {
      fleet.merge(changes.devices);
      changed();
    });
    missed.subscribe(() => void loadFleet());
  }
  try {
    for (let offset = 0; offset < mostDevices; offset += pageSize) {
      const page = await api.devices({ sort: "device_id", offset, limit: pageSize });
      fleet.total = page.total;
      fleet.merge(page.devices);
      changed();
      if (offset + page.devices.length >= page.total || page.devices.length === 0) break;
    }
    fleetError.set(null);
    fleetLoaded.set(true);
  } catch (error) {
    fleetError.set(error instanceof Error ? error : new Error(String(error)));
  }
}

export interface DeviceFilter {
  search: string;
  /** all, alert, offline, ok */
  state: string;
}

export function matches(device: Device, filter: DeviceFilter): boolean {
  if (filter.state !== "all" && filter.state !== "" && device.state !== filter.state) {
    if (filter.state !== "alert" || device.alerts === 0) return false;
  }
  return filter.search === "" || device.id.toLowerCase().includes(filter.search.toLowerCase());
}

const worst: Record<string, number> = { alert: 0, offline: 1, ok: 2 };
// By number where ids hold one: dev_2 before dev_10.
const byName = new Intl.Collator("en", { numeric: true });

/** A sorted copy. `key`: id, state, seen, alerts, events or the name of a metric; absent values last. */
export function sorted(devices: Device[], key: string, order: "asc" | "desc", metrics: Metric[]): Device[] {
  const sign = order === "desc" ? -1 : 1;
  const m = metrics.findIndex((metric) => `m.${metric.name}` === key);
  const value = (device: Device): number | null => {
    if (m >= 0) return device.values[m] ?? null;
    if (key === "state") return worst[device.state] ?? 3;
    if (key === "seen") return device.last_seen_ms;
    if (key === "alerts") return device.alerts;
    return key === "events" ? device.events : 0;
  };
  const decorated = devices.map((device) => ({ device, value: value(device) }));
  decorated.sort((a, b) => {
    if (key !== "id") {
      if (a.value === null || b.value === null) {
        if (a.value !== b.value) return a.value === null ? 1 : -1;
      } else if (a.value !== b.value) return sign * (a.value - b.value);
    }
    return (key === "id" ? sign : 1) * byName.compare(a.device.id, b.device.id);
  });
  return decorated.map((entry) => entry.device);
}

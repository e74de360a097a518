// A device's id: any text of a stranger, shown as text, its control characters made visible.
import { href } from "../state/location";
import { visible } from "../text/format";

export function deviceHref(id: string): string {
  return href("/device", { id });
}

export function DeviceLink({ id }: { id: string }) {
  return <a class="device-name" dir="ltr" href={deviceHref(id)} title={visible(id)}>{visible(id)}</a>;
}

export function DeviceName({ id }: { id: string }) {
  return <bdi class="device-name">{visible(id)}</bdi>;
}

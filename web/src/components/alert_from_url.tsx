// The drawer of the alert that the address names (`?alert=ID`), on every page that lists alerts.
import { api } from "../api/client";
import type { Alert } from "../api/types";
import { alertVersion } from "../state/live";
import { place, setParams } from "../state/location";
import { useQuery } from "../state/query";
import { useStore } from "../state/store";
import { AlertDrawer } from "./alert_drawer";
import { Dialog } from "./dialog";

const close = (): void => setParams({ alert: null });

function Sought({ id }: { id: string }) {
  const version = useStore(alertVersion);
  const answer = useQuery(`alert ${id}`, (signal) => api.alerts({ limit: 1000 }, signal), 0, version);
  const found = answer.data?.alerts.find((alert) => alert.id === id);
  if (found) return <AlertDrawer alert={found} onClose={close} />;
  if (answer.loading) return null;
  return (
    <Dialog title="Alert" onClose={close} drawer>
      <p>{answer.error ? answer.error.message : "This alert is not held any more; the topic iot.alerts has it."}</p>
    </Dialog>
  );
}

export function AlertFromUrl({ known }: { known: Alert[] }) {
  const id = useStore(place).params.get("alert");
  if (id === null) return null;
  const alert = known.find((other) => other.id === id);
  return alert ? <AlertDrawer key={id} alert={alert} onClose={close} /> : <Sought key={id} id={id} />;
}

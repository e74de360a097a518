// What the server says of itself and of the declared metrics; read once, and again when it was
// started anew.
import { api } from "../api/client";
import type { Meta } from "../api/types";
import { setSummary } from "./live";
import { Store, useStore } from "./store";

export const meta = new Store<Meta | null>(null);

export async function loadMeta(): Promise<void> {
  // The figures bring the server's clock: without it the first ranges would end at the wrong now.
  const [described, figures] = await Promise.all([api.meta(), api.summary()]);
  setSummary(figures);
  meta.set(described);
}

/** Only below the shell, which waits for it. */
export function useMeta(): Meta {
  const value = useStore(meta);
  if (value === null) throw new Error("the page is shown before the server has described itself");
  return value;
}

// Data of a page from the API: fetched when its key changes and again every so often, the last
// answer staying on the screen meanwhile. Nothing is fetched while the page is paused or hidden.
import { useEffect, useRef, useState } from "preact/hooks";
import { connection } from "./live";

export interface Answer<T> {
  data: T | null;
  /** Of the last request; null when it succeeded. */
  error: Error | null;
  /** The first answer for this key has not come yet. */
  loading: boolean;
  again: () => void;
}

/**
 * `key` names what is asked for; another key is another question. `refreshMs` 0 = once.
 * `version` asks again when it changes, without being another question.
 */
export function useQuery<T>(
  key: string,
  fetcher: (signal: AbortSignal) => Promise<T>,
  refreshMs = 0,
  version: unknown = 0,
): Answer<T> {
  const [state, setState] = useState<{ key: string; data: T | null; error: Error | null }>({
    key: "", data: null, error: null,
  });
  const [asked, setAsked] = useState(0);
  const current = useRef(fetcher);
  current.current = fetcher;

  useEffect(() => {
    const abort = new AbortController();
    let timer = 0;
    let ended = false;
    const run = async (): Promise<void> => {
      const idle = document.hidden || connection.get() === "paused";
      try {
        if (!idle || timer === 0) {
          const data = await current.current(abort.signal);
          if (!ended) setState({ key, data, error: null });
        }
      } catch (error) {
        if (ended) return;
        const failure = error instanceof Error ? error : new Error(String(error));
        setState((before) => ({ key, data: before.key === key ? before.data : null, error: failure }));
      }
      if (!ended && refreshMs > 0) timer = window.setTimeout(() => void run(), refreshMs);
    };
    void run();
    return () => {
      ended = true;
      abort.abort();
      window.clearTimeout(timer);
    };
  }, [key, refreshMs, version, asked]);

  const mine = state.key === key;
  return {
    data: state.data,
    error: mine ? state.error : null,
    loading: !mine,
    again: () => setAsked((count) => count + 1),
  };
}

// One observable value. Listeners are called in the order of their subscription, after the change.
import { useEffect, useReducer } from "preact/hooks";

export class Store<T> {
  private readonly listeners = new Set<() => void>();

  constructor(private value: T) {}

  get(): T {
    return this.value;
  }

  set(value: T): void {
    if (Object.is(value, this.value)) return;
    this.value = value;
    for (const listener of [...this.listeners]) listener();
  }

  /** Returns what ends the subscription. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/** The store's value; the component renders again when it changes. */
export function useStore<T>(store: Store<T>): T {
  const [, render] = useReducer((count: number) => count + 1, 0);
  const shown = store.get();
  useEffect(() => {
    // It may have changed between the rendering and this effect.
    if (!Object.is(store.get(), shown)) render(undefined);
    return store.subscribe(() => render(undefined));
  }, [store]);
  return shown;
}

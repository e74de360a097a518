// Keyboard: single keys, and `g` followed by the letter of a page.

export type Command =
  | { kind: "go"; path: string }
  | { kind: "help" | "search" | "zoomOut" | "range" | "live" | "pause" | "theme" | "zone" };

export const pagesByKey: Record<string, string> = {
  o: "/", d: "/fleet", a: "/alerts", l: "/dead-letters", m: "/deliveries", p: "/pipeline",
};

const single: Record<string, Command["kind"]> = {
  "?": "help", "/": "search", z: "zoomOut", t: "range", l: "live", p: "pause", c: "theme", u: "zone",
};

const patienceMs = 1500;

/** Turns key presses into commands; `g` waits for its second key, at most 1.5 s. */
export class KeyReader {
  private pendingSince = -Infinity;

  read(key: string, nowMs: number): Command | null {
    const pending = nowMs - this.pendingSince < patienceMs;
    this.pendingSince = -Infinity;
    if (pending) {
      const path = pagesByKey[key];
      if (path !== undefined) return { kind: "go", path };
    }
    if (key === "g") {
      this.pendingSince = nowMs;
      return null;
    }
    const kind = single[key];
    return kind === undefined || kind === "go" ? null : { kind };
  }
}

/** Keys typed into a field, or with a modifier, are not commands. */
export function isTyping(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return true;
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}

// What a person chooses for this browser: colours and time zone. Kept in local storage; where that
// is not allowed it holds for the visit.
import { Store } from "./store";

export type Theme = "auto" | "light" | "dark";
export type Zone = "local" | "utc";

function stored(name: string): string | null {
  try {
    return window.localStorage.getItem(name);
  } catch {
    return null;
  }
}

function keep(name: string, value: string): void {
  try {
    window.localStorage.setItem(name, value);
  } catch {
    // Private windows may refuse it.
  }
}

export const theme = new Store<Theme>("auto");
export const zone = new Store<Zone>("local");
/** True while the page is dark, by choice or by the system's. Charts draw themselves anew. */
export const dark = new Store<boolean>(false);

export function startSettings(): void {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = (): void => {
    const chosen = theme.get();
    const isDark = chosen === "dark" || (chosen === "auto" && system.matches);
    document.documentElement.dataset["theme"] = isDark ? "dark" : "light";
    dark.set(isDark);
  };
  const storedTheme = stored("tocsin-theme");
  if (storedTheme === "light" || storedTheme === "dark") theme.set(storedTheme);
  if (stored("tocsin-zone") === "utc") zone.set("utc");
  apply();
  system.addEventListener("change", apply);
  theme.subscribe(() => {
    keep("tocsin-theme", theme.get());
    apply();
  });
  zone.subscribe(() => keep("tocsin-zone", zone.get()));
}

export function nextTheme(): void {
  const order: Theme[] = ["auto", "light", "dark"];
  theme.set(order[(order.indexOf(theme.get()) + 1) % order.length] ?? "auto");
}

export function toggleZone(): void {
  zone.set(zone.get() === "utc" ? "local" : "utc");
}

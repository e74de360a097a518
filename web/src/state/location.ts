// The address bar is the state: path = page, query = what it shows. The time range (and the zone)
// are carried from page to page, everything else belongs to one page.
import { Store } from "./store";

export interface Place {
  path: string;
  params: URLSearchParams;
}

export const carriedParams = ["range", "from", "to"] as const;

function read(): Place {
  return { path: window.location.pathname, params: new URLSearchParams(window.location.search) };
}

export const place = new Store<Place>(
  typeof window === "undefined" ? { path: "/", params: new URLSearchParams() } : read(),
);

function go(url: string, replace: boolean): void {
  if (replace) window.history.replaceState(null, "", url);
  else window.history.pushState(null, "", url);
  place.set(read());
}

/** The address of a page, with the parameters that are carried along. */
export function href(
  path: string,
  params: Record<string, string> = {},
  from: URLSearchParams = place.get().params,
): string {
  const query = new URLSearchParams();
  for (const name of carriedParams) {
    const value = from.get(name);
    if (value !== null) query.set(name, value);
  }
  for (const [name, value] of Object.entries(params)) query.set(name, value);
  const text = query.toString();
  return text === "" ? path : `${path}?${text}`;
}

export function navigate(url: string): void {
  go(url, false);
  window.scrollTo(0, 0);
}

/** Changes parameters of the page shown; null removes one. */
export function setParams(changes: Record<string, string | null>, replace = false): void {
  const params = new URLSearchParams(place.get().params);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") params.delete(name);
    else params.set(name, value);
  }
  const text = params.toString();
  if (text === place.get().params.toString()) return;
  go(place.get().path + (text === "" ? "" : `?${text}`), replace);
}

/** Follows the browser's buttons and plain clicks on links of this page. */
export function startLocation(): void {
  window.addEventListener("popstate", () => place.set(read()));
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || link.target !== "" || link.hasAttribute("download")) return;
    if (link.origin !== window.location.origin || link.hash !== "") return;
    if (link.pathname.startsWith("/api/") || link.pathname.includes(".")) return;
    event.preventDefault();
    navigate(link.pathname + link.search);
  });
}

// Who looks at the page. Without users (loopback) everyone may do everything.
import { api, setCsrfToken, setUnauthorizedHandler } from "../api/client";
import type { Session } from "../api/types";
import { stopLive } from "./live";
import { Store } from "./store";

export const session = new Store<Session | null>(null);
export const sessionError = new Store<Error | null>(null);

export function setSession(next: Session): void {
  setCsrfToken(next.csrf);
  session.set(next);
}

export async function loadSession(): Promise<void> {
  try {
    setSession(await api.session());
    sessionError.set(null);
  } catch (error) {
    sessionError.set(error instanceof Error ? error : new Error(String(error)));
  }
}

export function needsLogin(of: Session): boolean {
  return of.auth === "required" && of.user === null;
}

export function mayWrite(of: Session | null): boolean {
  return of !== null && of.scopes.includes("write");
}

export async function logout(): Promise<void> {
  await api.logout();
  stopLive();
  await loadSession();
}

export function startSession(): void {
  setUnauthorizedHandler(() => {
    stopLive();
    void loadSession();
  });
  void loadSession();
}

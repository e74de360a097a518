// Signing in; and, while there is no user yet, making the first one with the server's token.
import { useState } from "preact/hooks";
import { api } from "../api/client";
import type { Session } from "../api/types";
import { setSession } from "../state/session";

const leastPassword = 12;

function Brand() {
  return <p class="brand"><img src="/favicon.svg" alt="" />Tocsin</p>;
}

export function SignIn({ of }: { of: Session }) {
  return <main class="welcome" id="main">{of.setup ? <Setup /> : <Login />}</main>;
}

function useSubmit(send: () => Promise<Session>): { busy: boolean; error: string; submit: (event: Event) => void } {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const run = async (): Promise<void> => {
    setBusy(true);
    setError("");
    try {
      setSession(await send());
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
      setBusy(false);
    }
  };
  return {
    busy, error,
    submit: (event) => {
      event.preventDefault();
      void run();
    },
  };
}

function Login() {
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const { busy, error, submit } = useSubmit(() => api.login(user, password));
  return (
    <form onSubmit={submit}>
      <Brand />
      <h1>Sign in</h1>
      <label>
        User
        <input required autocomplete="username" value={user} onInput={(e) => setUser(e.currentTarget.value)} />
      </label>
      <label>
        Password
        <input required type="password" autocomplete="current-password" value={password} onInput={(e) => setPassword(e.currentTarget.value)} />
      </label>
      {error !== "" && <p class="form-error" role="alert">{error}</p>}
      <button type="submit" class="primary" disabled={busy}>Sign in</button>
    </form>
  );
}

function Setup() {
  const [token, setToken] = useState("");
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const { busy, error, submit } = useSubmit(() => api.setup(token.trim(), user, password));
  return (
    <form onSubmit={submit}>
      <Brand />
      <h1>Set up the first user</h1>
      <p class="muted">The server printed a one-time token when it started. It proves that you run it.</p>
      <label>
        Set-up token
        <input required autocomplete="off" spellcheck={false} value={token} onInput={(e) => setToken(e.currentTarget.value)} />
      </label>
      <label>
        User
        <input required autocomplete="username" value={user} onInput={(e) => setUser(e.currentTarget.value)} />
      </label>
      <label>
        {`Password (at least ${leastPassword} characters)`}
        <input required type="password" minLength={leastPassword} autocomplete="new-password" value={password} onInput={(e) => setPassword(e.currentTarget.value)} />
      </label>
      {error !== "" && <p class="form-error" role="alert">{error}</p>}
      <button type="submit" class="primary" disabled={busy}>Make the user</button>
    </form>
  );
}

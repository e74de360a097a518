// The shell around the pages: navigation, time range, keys; and what is there before the pages:
// the session and the server's description of itself.
import { useEffect, useRef, useState } from "preact/hooks";
import type { ComponentType } from "preact";
import { DeviceName } from "./components/device_name";
import { Help } from "./components/help";
import { Icon, type IconName } from "./components/icon";
import { notify, Notices } from "./components/notice";
import { Failure } from "./components/panel";
import { LivePill, TimeRangePicker } from "./components/time_range_picker";
import { Alerts } from "./pages/alerts";
import { DeadLetters } from "./pages/dead_letters";
import { Deliveries } from "./pages/deliveries";
import { DevicePage } from "./pages/device";
import { Fleet } from "./pages/fleet";
import { Overview } from "./pages/overview";
import { Pipeline } from "./pages/pipeline";
import { SignIn } from "./pages/sign_in";
import { isTyping, KeyReader, type Command } from "./state/keys";
import { connection, lastAlert, serverNow, serverStart, startLive, summary, togglePause } from "./state/live";
import { href, navigate, place } from "./state/location";
import { loadMeta, meta } from "./state/meta";
import { loadSession, logout, needsLogin, session, sessionError } from "./state/session";
import { nextTheme, theme, toggleZone, zone } from "./state/settings";
import { useStore } from "./state/store";
import { rangeOf, show, showLast, zoomedOut } from "./state/time_range";
import { count, visible, words } from "./text/format";

interface Page {
  path: string;
  name: string;
  /** Where there is little room. */
  short?: string;
  icon: IconName;
  view: ComponentType;
  /** The time range says something on it. */
  ranged: boolean;
}

const pages: Page[] = [
  { path: "/", name: "Overview", icon: "overview", view: Overview, ranged: true },
  { path: "/fleet", name: "Fleet", icon: "fleet", view: Fleet, ranged: false },
  { path: "/alerts", name: "Alerts", icon: "alerts", view: Alerts, ranged: true },
  { path: "/dead-letters", name: "Dead letters", short: "Letters", icon: "letters", view: DeadLetters, ranged: false },
  { path: "/deliveries", name: "Deliveries", icon: "deliveries", view: Deliveries, ranged: false },
  { path: "/pipeline", name: "Pipeline", icon: "pipeline", view: Pipeline, ranged: false },
];
const devicePage: Page = { path: "/device", name: "Device", icon: "fleet", view: DevicePage, ranged: true };

function pageOf(path: string): Page | undefined {
  return path === devicePage.path ? devicePage : pages.find((page) => page.path === path);
}

function Navigation({ path }: { path: string }) {
  const firing = useStore(summary)?.alerts_firing ?? 0;
  const shown = path === "/device" ? "/fleet" : path;
  return (
    <ul class="nav">
      {pages.map((page) => (
        <li key={page.path}>
          <a href={href(page.path)} {...(page.path === shown ? { "aria-current": "page" as const } : {})}>
            <Icon name={page.icon} />
            <span class={page.short ? "long" : ""}>{page.name}</span>
            {page.short && <span class="short" aria-hidden="true">{page.short}</span>}
            {page.path === "/alerts" && firing > 0 && (
              <span class="nav-count">{count(firing)}<span class="hidden"> firing</span></span>
            )}
          </a>
        </li>
      ))}
    </ul>
  );
}

function ThemeButton() {
  const chosen = useStore(theme);
  const icons = { auto: "auto", light: "sun", dark: "moon" } as const;
  const names = { auto: "as the system", light: "light", dark: "dark" };
  return (
    <button type="button" class="icon-button" aria-label={`Colours: ${names[chosen]}`} title={`Colours: ${names[chosen]} (c)`} onClick={nextTheme}>
      <Icon name={icons[chosen]} />
    </button>
  );
}

function UserButton() {
  const of = useStore(session);
  if (!of?.user) return null;
  return (
    <button type="button" class="icon-button" aria-label={`Sign out ${of.user}`} title={`Sign out ${of.user}`} onClick={() => void logout()}>
      <Icon name="user" />
    </button>
  );
}

/** Alert transitions, for those who do not see the page change. */
function Announcer() {
  const alert = useStore(lastAlert);
  return (
    <div class="hidden" aria-live="polite">
      {alert ? `${words(alert.rule)} ${alert.state}: ${visible(alert.device_id)}` : ""}
    </div>
  );
}

function Lost() {
  const state = useStore(connection);
  const [long, setLong] = useState(false);
  useEffect(() => {
    setLong(false);
    if (state !== "lost") return undefined;
    const timer = window.setTimeout(() => setLong(true), 2500);
    return () => window.clearTimeout(timer);
  }, [state]);
  if (!long) return null;
  return <div class="banner" role="alert">The connection to the server is lost; what you see is as of then. It is tried again by itself.</div>;
}

/** The search field may have to wait for its page's first answer. */
function focusSearch(attempts: number): void {
  const field = document.querySelector<HTMLInputElement>("[data-search]");
  if (field) field.focus();
  else if (attempts > 0) window.setTimeout(() => focusSearch(attempts - 1), 100);
}

function run(command: Command, showHelp: () => void): void {
  const { params, path } = place.get();
  switch (command.kind) {
    case "go": return navigate(href(command.path));
    case "help": return showHelp();
    case "search": {
      if (!document.querySelector("[data-search]")) navigate(href("/fleet"));
      return focusSearch(20);
    }
    case "zoomOut": return pageOf(path)?.ranged ? show(zoomedOut(rangeOf(params), serverNow())) : undefined;
    case "range": return document.getElementById("time-range")?.click();
    case "live": return showLast("1h");
    case "pause": return togglePause();
    case "theme": return nextTheme();
    case "zone":
      toggleZone();
      return notify(zone.get() === "utc" ? "Times are in UTC." : "Times are those of this browser.");
  }
}

function Shell() {
  const { path, params } = useStore(place);
  const [help, setHelp] = useState(false);
  const page = pageOf(path);
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const deviceId = path === "/device" ? params.get("id") ?? "" : null;

  useEffect(() => {
    const reader = new KeyReader();
    const onKey = (event: KeyboardEvent): void => {
      if (isTyping(event) || document.querySelector("dialog[open]")) return;
      const command = reader.read(event.key, performance.now());
      if (!command) return;
      event.preventDefault();
      run(command, () => setHelp(true));
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  useEffect(() => {
    document.title = `${deviceId === null ? page?.name ?? "Not found" : visible(deviceId)} · Tocsin`;
    // A new page begins at its top for the keyboard, too.
    if (first.current) first.current = false;
    else main.current?.focus();
  }, [path, deviceId]);

  const View = page?.view;
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={(event) => {
        event.preventDefault();
        main.current?.focus();
      }}>Skip to the content</a>
      <nav class="rail" aria-label="Pages">
        <a class="brand" href={href("/")}><img src="/favicon.svg" alt="" />Tocsin</a>
        <Navigation path={path} />
        <div class="rail-foot">
          <span>{`Press ? for the keys`}</span>
          <span>{`Version ${meta.get()?.version ?? ""}`}</span>
        </div>
      </nav>
      <div class="column">
        <header class="top">
          <h1>{deviceId === null ? page?.name ?? "Not found" : <DeviceName id={deviceId} />}</h1>
          <div class="top-tools">
            {page?.ranged && <TimeRangePicker />}
            <LivePill />
            <ThemeButton />
            <button type="button" class="icon-button help-button" aria-label="Keyboard help" title="Keyboard (?)" onClick={() => setHelp(true)}>
              <Icon name="keyboard" />
            </button>
            <UserButton />
          </div>
        </header>
        <main id="main" ref={main} tabIndex={-1}>
          <Lost />
          {View ? <View key={path} /> : <p>There is no such page. <a href={href("/")}>To the overview</a></p>}
        </main>
      </div>
      <Notices depth={0} />
      <Announcer />
      {help && <Help onClose={() => setHelp(false)} />}
    </div>
  );
}

export function App() {
  const of = useStore(session);
  const failed = useStore(sessionError);
  const described = useStore(meta);
  const started = useStore(serverStart);
  const [error, setError] = useState<Error | null>(null);
  const ready = of !== null && !needsLogin(of);
  const load = (): void => {
    loadMeta().then(() => setError(null), (failure: unknown) => {
      setError(failure instanceof Error ? failure : new Error(String(failure)));
    });
  };
  useEffect(() => {
    if (!ready) return;
    startLive();
    load();
  }, [ready]);
  useEffect(() => {
    // The server was started anew: perhaps with other metrics.
    if (described && started !== 0 && started !== described.started_ms) load();
  }, [started]);

  if (of !== null && needsLogin(of)) return <SignIn of={of} />;
  const problem = failed ?? error;
  if (problem && !described) {
    return <main class="welcome"><div class="card"><h1>Tocsin</h1><Failure error={problem} again={() => (failed ? void loadSession() : load())} /></div></main>;
  }
  return described && ready ? <Shell /> : <main class="welcome" aria-busy="true"><h1 class="hidden">Tocsin</h1></main>;
}

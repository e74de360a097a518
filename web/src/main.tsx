import { render } from "preact";
import { App } from "./app";
import { startLocation } from "./state/location";
import { startSession } from "./state/session";
import { startSettings } from "./state/settings";

startSettings();
startLocation();
startSession();
const root = document.getElementById("app");
if (root) {
  root.replaceChildren();
  render(<App />, root);
}

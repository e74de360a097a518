// Runs one suite in node:test, or says loudly why not:  node run.mjs pages.test.mjs
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const chromium = process.env.TOCSIN_CHROMIUM || "/usr/bin/chromium";
const web = process.env.TOCSIN_WEB_FOLDER || join(here, "../../web");
const missing = !existsSync(chromium)
  ? "no Chromium: scripts/install_dependencies --test installs it"
  : !existsSync(join(web, "dist/index.html")) ? `the page is not built in ${web}` : "";
if (missing !== "") {
  console.log(`SKIPPED LOUDLY: ${missing}`);
  process.exit(0);
}
const run = spawnSync(process.execPath, ["--test", ...process.argv.slice(2).map((name) => join(here, name))], {
  stdio: "inherit", env: { ...process.env, TOCSIN_CHROMIUM: chromium, TOCSIN_WEB_FOLDER: web },
});
process.exit(run.status ?? 1);

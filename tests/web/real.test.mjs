// The page in the program itself: the demo on a free port, in a real browser.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { checkAccessible, checkFits, openPage, phone, pictures, settled, startBrowser } from "./support.mjs";

const binary = process.env.TOCSIN_BINARY ?? "";
const skip = existsSync(binary) ? false : `SKIPPED LOUDLY: no program at TOCSIN_BINARY='${binary}'`;
if (skip) console.log(skip);

let browser;
let program;
let folder;
let url;

/** Starts the demo and waits for the address that it prints. */
function startDemo() {
  folder = mkdtempSync(join(tmpdir(), "tocsin-web-"));
  program = spawn(binary, ["up", "--demo", "--port", "0", "--data-dir", folder], { cwd: folder });
  return new Promise((resolve, reject) => {
    let text = "";
    const take = (chunk) => {
      text += chunk;
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(text);
      if (found) resolve(found[0]);
    };
    program.stdout.on("data", take);
    program.stderr.on("data", take);
    program.on("exit", (code) => reject(new Error(`the program ended with ${code}: ${text}`)));
  });
}

before(async () => {
  if (skip) return;
  url = await startDemo();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  if (!program) return;
  program.removeAllListeners("exit");
  const ended = new Promise((resolve) => program.once("exit", resolve));
  program.kill("SIGTERM");
  await ended;
  rmSync(folder, { recursive: true, force: true });
});

test("the overview shows the demo alive", { skip }, async () => {
  const { page, problems, close } = await openPage(browser, `${url}/?range=5m`);
  await settled(page);
  await page.waitForFunction(() => document.querySelector(".pill")?.textContent?.startsWith("Live"));
  await page.waitForFunction(() => [...document.querySelectorAll(".figure-value")][1]?.textContent === "10", null, { timeout: 60_000 });
  const events = async () => Number((await page.locator(".figure-value").first().textContent()).replaceAll(",", ""));
  const before = await events();
  await page.waitForFunction((old) => Number(document.querySelector(".figure-value")?.textContent?.replaceAll(",", "")) > old, before, { timeout: 15_000 });
  await page.locator(".u-over").first().waitFor();
  await page.screenshot({ path: join(pictures, "real-overview.png"), fullPage: true });
  await checkAccessible(page, "overview of the program");
  assert.deepEqual(problems, []);
  await close();
});

test("the other pages show what the program knows, on a phone, too", { skip }, async () => {
  for (const size of [{}, phone]) {
    for (const path of ["/fleet", "/alerts?state=all", "/dead-letters", "/deliveries", "/pipeline", "/device?id=dev_1&range=5m"]) {
      const { page, problems, close } = await openPage(browser, url + path, size);
      await settled(page);
      assert.equal(await page.locator(".failure").count(), 0, path);
      await page.screenshot({ path: join(pictures, `real${path.split("?")[0].replaceAll("/", "-")}-${size === phone ? "phone" : "desktop"}.png`) });
      await checkFits(page, path);
      await checkAccessible(page, path);
      assert.deepEqual(problems, [], path);
      await close();
    }
  }
});

test("a device with a hostile name comes in over HTTP and is text on the page", { skip }, async () => {
  const name = "<img src=x onerror=\"window.pwned=1\">/../%2e?&=\u202e";
  const sent = await fetch(`${url}/api/v1/events`, {
    method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ device_id: name, timestamp: new Date().toISOString(), temperature: 77, humidity: 40, status: "<b>OK</b>" }),
  });
  assert.equal(sent.status, 202);
  const { page, problems, close } = await openPage(browser, `${url}/fleet?q=%3Cimg`);
  await settled(page);
  await page.locator("tbody a").first().click({ timeout: 20_000 });
  await page.waitForURL((address) => address.searchParams.get("id") === name);
  await settled(page);
  await page.getByRole("heading", { name: "Raw events" }).waitFor();
  await page.getByText("temperature high").first().waitFor();
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  assert.equal(await page.locator("main img").count(), 0);
  assert.deepEqual(problems, []);
  await close();
});

test("dead letters of the program are replayed from the page", { skip }, async () => {
  await fetch(`${url}/api/v1/events`, {
    method: "POST", headers: { "Content-Type": "application/x-ndjson" }, body: "{\"device_id\":\"x\",\n",
  });
  const { page, problems, close } = await openPage(browser, `${url}/dead-letters?reason=invalid_json`);
  await page.locator("tbody tr").first().waitFor({ timeout: 20_000 });
  await page.getByRole("button", { name: "Replay…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Replay" }).click();
  await page.getByText(/sent again/).waitFor();
  assert.deepEqual(problems, []);
  await close();
});

test("files are compressed, hashed ones immutable, and a route survives a reload", { skip }, async () => {
  const page = await fetch(`${url}/alerts`, { headers: { "Accept-Encoding": "br" } });
  assert.equal(page.status, 200);
  assert.match(page.headers.get("content-security-policy"), /script-src 'self'/);
  const html = await page.text();
  const script = /src="(\/app\.[0-9a-f]+\.js)"/.exec(html)[1];
  for (const [encoding, name] of [["br", "br"], ["gzip", "gzip"]]) {
    const asset = await fetch(url + script, { headers: { "Accept-Encoding": encoding } });
    assert.equal(asset.headers.get("content-encoding"), name);
    assert.match(asset.headers.get("cache-control"), /immutable/);
    assert.ok((await asset.text()).length > 50_000);
    const again = await fetch(url + script, { headers: { "If-None-Match": asset.headers.get("etag") } });
    assert.equal(again.status, 304);
  }
  assert.equal((await fetch(`${url}/app.0000000000.js`)).status, 404);
});

// Device names that want to be markup, scripts, paths or other addresses, through every page: they
// stay text, and lead to the device that bears them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { checkAccessible, checkFits, hostileNames, openPage, phone, settled, startBrowser, startServer } from "./support.mjs";

let browser;
let server;
before(async () => {
  server = await startServer({ devices: 3, hostile: true });
  // Each of them has alerts and dead letters, too.
  for (const letter of server.desk.letters) letter.key = hostileNames[letter.offset % hostileNames.length];
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function checkHarmless(page, problems, where) {
  assert.equal(await page.evaluate(() => window.pwned), undefined, where);
  const foreign = await page.evaluate(() => [...document.querySelectorAll("script, iframe, object, embed, img, base, [onerror], [onload]")]
    .filter((e) => !(e.matches("script[src^='/app']") || e.matches("img[src='/favicon.svg']"))).map((e) => e.outerHTML));
  assert.deepEqual(foreign, [], where);
  assert.deepEqual(problems, [], where);
}

test("on every page and size they are text", async () => {
  for (const size of [{}, phone]) {
    for (const path of ["/", "/fleet", "/alerts?state=all&range=24h", "/dead-letters", "/deliveries", "/pipeline"]) {
      const { page, problems, close } = await openPage(browser, server.url + path, size);
      await settled(page);
      await checkHarmless(page, problems, path);
      await checkFits(page, path);
      await checkAccessible(page, path);
      await close();
    }
  }
});

test("each leads to its own device, by a click and by its address", async () => {
  for (const name of hostileNames) {
    const { page, problems, close } = await openPage(browser, `${server.url}/device?${new URLSearchParams({ id: name })}`);
    await settled(page);
    await page.getByRole("heading", { name: "Raw events" }).waitFor();
    assert.ok(server.requests.some((r) => new URL(r.slice(4), "http://x").searchParams.get("id") === name), name);
    assert.equal(await page.getByText("Unknown device").count(), 0, name);
    await checkHarmless(page, problems, name);
    await close();
  }
  const { page, close } = await openPage(browser, `${server.url}/fleet`);
  await settled(page);
  await page.getByLabel("Search devices").fill("<img");
  await page.locator("tbody a").first().click();
  await page.waitForURL((url) => url.searchParams.get("id") === hostileNames[0]);
  await page.waitForFunction(() => document.title.startsWith("<img"));
  await close();
});

test("control and direction characters are shown as what they are", async () => {
  const { page, close } = await openPage(browser, `${server.url}/fleet`);
  await settled(page);
  const names = await page.locator("tbody a").allTextContents();
  assert.ok(names.includes("␣202etxt.exe_ved"));
  assert.ok(names.includes("line␣000abreak␣0009tab␣0000nul"));
  await close();
});

test("addresses that lie: wrong ranges, states, orders and ids show something sensible", async () => {
  for (const path of [
    "/?range=%3Cscript%3E", "/?from=9e99&to=1", "/?from=5&to=-5", "/fleet?sort=__proto__&order=x&state=%00", "/alerts?alert=%3Cimg%3E&state=constructor",
    "/device", "/device?id=", "/deliveries?delivery=../..", "/dead-letters?reason=toString", "/%2e%2e/%2e%2e/etc/passwd",
  ]) {
    const { page, problems, close } = await openPage(browser, server.url + path);
    await page.waitForSelector("main");
    await page.waitForTimeout(300);
    assert.ok((await page.locator("main").textContent()).length > 0, path);
    await checkHarmless(page, problems, path);
    await close();
  }
});

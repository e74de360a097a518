// Every page at desktop and phone size, light and dark: it shows data, fits, is accessible, and
// nothing is refused by the policy. The pictures are kept.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { join } from "node:path";
import { checkAccessible, checkFits, desktop, openPage, phone, pictures, settled, startBrowser, startServer, views } from "./support.mjs";

let browser;
let server;
before(async () => {
  server = await startServer();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

for (const [form, size] of [["desktop", desktop], ["phone", phone]]) {
  for (const colorScheme of ["light", "dark"]) {
    describe(`${form}, ${colorScheme}`, () => {
      for (const view of views) {
        test(view.name, async () => {
          const { page, problems, close } = await openPage(browser, server.url + view.path, { ...size, colorScheme });
          await settled(page);
          await page.screenshot({ path: join(pictures, `${view.name}-${form}-${colorScheme}.png`), fullPage: form === "phone" });
          await checkFits(page, view.name);
          await checkAccessible(page, view.name);
          assert.deepEqual(problems, []);
          await close();
        });
      }
    });
  }
}

test("the overview has the four figures, a trend of each metric, 25 alerts, 20 hours", async () => {
  const { page, close } = await openPage(browser, `${server.url}/?range=3h`);
  await settled(page);
  assert.deepEqual(await page.locator(".figure-label").allTextContents(), ["Events", "Devices", "Alerts", "Devices in alert"]);
  const figures = await page.locator(".figure-value").allTextContents();
  assert.equal(figures[1], "48");
  for (const figure of figures) assert.match(figure, /^[0-9,]+$/);
  assert.equal(await page.locator(".u-over").count(), 2);
  const alerts = page.locator("section", { hasText: "Recent alerts" }).locator("tbody tr");
  assert.equal(await alerts.count(), 25);
  const hours = page.locator("section", { hasText: "Hourly aggregates" }).locator("tbody tr");
  assert.equal(await hours.count(), 20);
  await close();
});

test("every declared metric has its chart and its column, on every page", async () => {
  const other = await startServer({ metrics: 5 });
  const { page, problems, close } = await openPage(browser, `${other.url}/?range=1h`);
  await settled(page);
  for (const name of ["Temperature", "Humidity", "Co2", "Light", "Motion"]) {
    assert.equal(await page.locator("section h2", { hasText: new RegExp(`^${name}$`) }).count(), 1, name);
  }
  await page.screenshot({ path: join(pictures, "overview-five-metrics.png"), fullPage: true });
  await page.goto(`${other.url}/device?id=dev_03&range=1h`);
  await settled(page);
  assert.equal(await page.locator(".u-over").count(), 5);
  await checkAccessible(page, "device with five metrics");
  await page.goto(`${other.url}/fleet`);
  await settled(page);
  assert.equal(await page.getByRole("columnheader", { name: "Co2" }).count(), 1);
  assert.deepEqual(problems, []);
  await close();
  await other.stop();
});

test("without devices, alerts, letters and channels each page says so", async () => {
  const empty = await startServer({ devices: 0, letters: 0, delivery: false });
  const { page, problems, close } = await openPage(browser, empty.url);
  await settled(page);
  await page.getByText("No readings yet").waitFor();
  assert.match(await page.locator("pre.raw").textContent(), /api\/v1\/events/);
  for (const [path, text] of [
    ["/fleet", "No device matches."], ["/alerts", "Nothing fires."], ["/dead-letters", "No dead letter."],
    ["/deliveries", "No channel is configured"], ["/device?id=ghost", "No device ghost has sent anything."], ["/nowhere", "There is no such page."],
  ]) {
    await page.goto(empty.url + path);
    await page.getByText(text).first().waitFor();
    await checkAccessible(page, `${path} while empty`);
  }
  assert.deepEqual(problems, []);
  await close();
  await empty.stop();
});

test("a server that fails is told with what it said, and asked again on demand", async () => {
  const { page, close } = await openPage(browser, `${server.url}/dead-letters`);
  await settled(page);
  await page.route("**/api/v1/dead-letters?**reason=late**", (route) => route.fulfill({
    status: 503, contentType: "application/problem+json", body: JSON.stringify({ title: "x", status: 503, detail: "the log is busy; try again" }),
  }));
  await page.goto(`${server.url}/dead-letters?reason=late`);
  await page.getByText("the log is busy; try again").waitFor();
  await page.unroute("**/api/v1/dead-letters?**reason=late**");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("No dead letter.").waitFor();
  await close();
});

test("printed, a page has its data and not its tools", async () => {
  const { page, close } = await openPage(browser, `${server.url}/alerts?range=12h&state=all`);
  await settled(page);
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator(".rail").isVisible(), false);
  assert.equal(await page.locator(".panel-actions").first().isVisible(), false);
  assert.ok(await page.locator("tbody tr").first().isVisible());
  assert.ok((await page.pdf({ format: "A4" })).length > 5000);
  await close();
});

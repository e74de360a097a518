// What a person does: by keyboard, with the time range, on alerts, letters and deliveries.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { checkAccessible, openPage, parquetRows, settled, startBrowser, startServer } from "./support.mjs";

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.close());

async function at(path, options = {}, use) {
  const server = await startServer(options);
  const opened = await openPage(browser, server.url + path);
  try {
    await settled(opened.page);
    await use(opened.page, server);
    assert.deepEqual(opened.problems, []);
  } finally {
    await opened.close();
    await server.stop();
  }
}

const query = (page) => new URL(page.url()).searchParams;

test("keys: help opens and gives the focus back, g and a letter goes to a page, / searches", () =>
  at("/", {}, async (page) => {
    await page.getByRole("button", { name: "Keyboard help" }).focus();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
    await checkAccessible(page, "keyboard help");
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("aria-label")), "Keyboard help");
    for (const [key, path] of [["d", "/fleet"], ["a", "/alerts"], ["l", "/dead-letters"], ["m", "/deliveries"], ["p", "/pipeline"], ["o", "/"]]) {
      await page.keyboard.press("g");
      await page.keyboard.press(key);
      await page.waitForURL((url) => url.pathname === path);
    }
    await page.keyboard.press("/");
    await page.waitForURL((url) => url.pathname === "/fleet");
    await page.waitForFunction(() => document.activeElement?.matches("[data-search]"));
    await page.keyboard.type("dev_1");
    await page.waitForFunction(() => location.search.includes("q=dev_1"));
    // Keys typed into a field are text.
    await page.keyboard.type("gd?");
    assert.equal(await page.getByRole("dialog").count(), 0);
  }));

test("only the keyboard: skip link, navigation, a row of the table, its device", () =>
  at("/fleet", {}, async (page) => {
    await page.keyboard.press("Tab");
    await page.waitForFunction(() => document.activeElement?.textContent === "Skip to the content");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "main");
    await page.keyboard.press("Tab");
    await page.waitForFunction(() => document.activeElement?.getAttribute("role") === "application");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction(() => document.querySelector(".heat-foot .spoken")?.textContent?.startsWith("dev_02"));
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => url.pathname === "/device" && url.searchParams.get("id") === "dev_02");
    await settled(page);
    assert.equal(await page.evaluate(() => document.activeElement?.id), "main");
    // Every stop of the Tab key is in sight and has a name.
    for (let i = 0; i < 25; i += 1) {
      await page.keyboard.press("Tab");
      const stop = await page.evaluate(() => {
        const e = document.activeElement;
        const box = e?.getBoundingClientRect();
        return { name: e?.getAttribute("aria-label") ?? e?.textContent ?? "", width: box?.width ?? 0 };
      });
      assert.ok(stop.width > 0 && stop.name.trim() !== "", `stop ${i} has no name or no size`);
    }
  }));

test("arrow keys read the points of a chart, and the table beside it has them", () =>
  at("/?range=3h", {}, async (page) => {
    const chart = page.getByRole("img", { name: /^Temperature/ });
    await chart.focus();
    await page.keyboard.press("ArrowLeft");
    await page.waitForFunction(() => /°C/.test(document.querySelector(".chart [aria-live]")?.textContent ?? ""));
    await page.getByRole("button", { name: "Temperature as a table" }).click();
    const table = page.getByRole("region", { name: /^Temperature in °C, as a table/ });
    assert.ok((await table.locator("tbody tr").count()) > 100);
    await checkAccessible(page, "chart as a table");
  }));

test("the time range: quick, absolute, zoom by dragging on all charts, zoom out, back", () =>
  at("/?range=3h", {}, async (page, server) => {
    await page.locator("#time-range").click();
    await checkAccessible(page, "range picker");
    await page.getByRole("button", { name: "Last 6 hours" }).click();
    assert.equal(query(page).get("range"), "6h");
    await settled(page);
    const box = await page.locator(".u-over").first().boundingBox();
    server.requests.length = 0;
    await page.mouse.move(box.x + box.width * 0.25, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 70, { steps: 6 });
    await page.mouse.up();
    await page.waitForFunction(() => location.search.includes("from="));
    const [from, to] = [Number(query(page).get("from")), Number(query(page).get("to"))];
    assert.ok(Math.abs(to - from - 1.5 * 3600_000) < 5 * 60_000, `a quarter of six hours, got ${(to - from) / 60_000} min`);
    await page.waitForTimeout(400);
    for (const metric of ["temperature", "humidity"]) {
      assert.ok(server.requests.some((r) => r.includes(`metric=${metric}`) && r.includes(`from=${from}`)), `${metric} follows`);
    }
    assert.match(await page.locator(".pill").textContent(), /^Past/);
    await page.keyboard.press("z");
    await page.waitForFunction((before) => new URLSearchParams(location.search).get("from") < before, String(from));
    await page.goBack();
    assert.equal(Number(query(page).get("from")), from);
    await page.locator("#time-range").click();
    await page.getByLabel("From", { exact: true }).fill("2026-11-26T12:00");
    await page.getByLabel("To", { exact: true }).fill("2026-11-26T11:00");
    await page.getByRole("button", { name: "Show" }).click();
    await page.getByText("The beginning must lie before the end.").waitFor();
    await page.getByLabel("To", { exact: true }).fill("2026-11-26T13:00");
    await page.getByRole("button", { name: "Show" }).click();
    // The browser of the test is in Berlin, one hour ahead of UTC.
    assert.equal(Number(query(page).get("from")), Date.parse("2026-11-26T11:00:00Z"));
    await page.keyboard.press("l");
    await page.waitForFunction(() => location.search === "?range=1h");
  }));

test("an address shows what it showed: range, filter, order, open alert", () =>
  at("/alerts?range=24h&state=resolved&severity=critical&q=dev_", {}, async (page) => {
    assert.equal(await page.getByRole("button", { name: "History" }).getAttribute("aria-pressed"), "true");
    assert.equal(await page.getByLabel("Severity").inputValue(), "critical");
    const rows = page.locator("section", { has: page.getByRole("heading", { name: "Alerts", exact: true }) }).locator("tbody tr");
    assert.ok((await rows.count()) > 0);
    for (const text of await rows.allTextContents()) assert.match(text, /Critical.*Resolved/);
    await rows.first().getByRole("button").click();
    await page.getByRole("dialog").waitFor();
    const address = page.url();
    await page.goto("about:blank");
    await page.goto(address);
    await page.getByRole("dialog").getByText("The readings around it").waitFor();
    await checkAccessible(page, "alert drawer");
  }));

test("an alert that fires is acknowledged, another silenced, the silence ended", () =>
  at("/alerts", {}, async (page, server) => {
    const rows = page.locator("section", { has: page.getByRole("heading", { name: "Alerts", exact: true }) }).locator("tbody tr");
    assert.ok((await rows.count()) >= 2, "two alerts fire at the time of the test");
    await rows.nth(0).getByRole("button").click();
    await page.getByLabel("Comment").fill("on my way");
    await page.getByRole("button", { name: "Acknowledge" }).click();
    await page.getByText("Acknowledged: no repeats until it resolves.").waitFor();
    assert.equal(server.desk.silences[0].kind, "acknowledge");
    assert.equal(server.desk.silences[0].comment, "on my way");
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.locator(".badge", { hasText: "Silenced" }).first().waitFor();
    await rows.nth(1).getByRole("button").click();
    await page.getByRole("button", { name: "Silence…", exact: true }).click();
    const form = page.getByRole("dialog", { name: "Silence alerts" });
    await checkAccessible(page, "silence form");
    await form.getByLabel("Why").fill("maintenance");
    await form.getByRole("button", { name: "Silence", exact: true }).click();
    await page.getByText("The silence holds.").waitFor();
    assert.deepEqual(server.desk.silences[0].matchers.map((m) => m.name), ["alertname", "device_id"]);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: `End it: silence ${server.desk.silences[0].id}` }).click();
    await page.getByText("It has ended.").waitFor();
    assert.equal(server.desk.silences[0].active, false);
  }));

test("dead letters: filter by reason, look at the bytes, replay only those", () =>
  at("/dead-letters", {}, async (page, server) => {
    await page.getByLabel("Reason", { exact: true }).selectOption("out_of_range");
    await page.waitForFunction(() => document.querySelectorAll("tbody .badge").length > 0 &&
      [...document.querySelectorAll("tbody .badge")].every((b) => b.textContent === "out of range"));
    await page.locator("tbody tr").first().getByRole("button").click();
    await page.getByRole("dialog").getByText("temperature=400 is not in -50 to 120").waitFor();
    await checkAccessible(page, "dead letter");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Replay…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Replay" }).click();
    await page.getByText(/sent again/).waitFor();
    assert.deepEqual([...new Set(server.desk.letters.filter((l) => l.replayed).map((l) => l.reason))], ["out_of_range"]);
  }));

test("older dead letters come page by page", () =>
  at("/dead-letters", { letters: 250 }, async (page) => {
    assert.equal(await page.locator("tbody tr").count(), 100);
    await page.getByRole("button", { name: "Show older" }).click();
    await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 200);
    await page.getByRole("button", { name: "Show older" }).click();
    await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 250);
    assert.equal(await page.getByRole("button", { name: "Show older" }).count(), 0);
  }));

test("deliveries: the dead ones, their attempts and message, delivered again; a channel tested and enabled", () =>
  at("/deliveries?state=dead", {}, async (page, server) => {
    const rows = page.locator("section", { has: page.getByRole("heading", { name: "Deliveries", exact: true }) }).locator("tbody tr");
    await rows.first().getByRole("button").click();
    const dialog = page.getByRole("dialog", { name: "Delivery" });
    await dialog.getByRole("cell", { name: "410 Gone" }).waitFor();
    await checkAccessible(page, "delivery");
    const id = query(page).get("delivery");
    await dialog.getByRole("button", { name: "Deliver again" }).click();
    await page.getByText("Queued again, with the same id.").waitFor();
    assert.equal(server.desk.deliveries.find((d) => d.id === id).state, "queued");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Test ops/slack[0]" }).click();
    await page.getByText("ops/slack[0]: 200 OK").waitFor();
    await page.getByRole("button", { name: "Enable ops/webhook[0]" }).click();
    await page.getByRole("button", { name: "Enable ops/webhook[0]" }).waitFor({ state: "detached" });
  }));

test("ten thousand devices: few rows in the document, sorted and searched at once", () =>
  at("/fleet", { devices: 10_000 }, async (page) => {
    assert.match(await page.locator("section h2 + .note").first().textContent(), /10,000 devices/);
    assert.ok((await page.locator("tbody tr").count()) < 80);
    // Paused: otherwise a value may change between two looks at the order.
    await page.keyboard.press("p");
    await page.getByRole("button", { name: /^Temperature/ }).click();
    await page.getByRole("button", { name: /^Temperature/ }).click();
    assert.equal(query(page).get("order"), "desc");
    await page.waitForTimeout(200);
    const values = (await page.locator("tbody tr td:nth-child(3)").allTextContents()).slice(0, 10).map((t) => parseFloat(t));
    assert.deepEqual(values, [...values].sort((a, b) => b - a));
    assert.ok(values[0] > 50);
    await page.locator(".virtual").evaluate((box) => { box.scrollTop = box.scrollHeight; });
    await page.waitForFunction(() => [...document.querySelectorAll("tbody tr[aria-rowindex]")].at(-1)?.getAttribute("aria-rowindex") === "10001");
    await page.getByLabel("Search devices").fill("dev_09999");
    await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);
  }));

test("what is shown is saved as CSV, JSON and Parquet", () =>
  at("/alerts?state=all&range=12h", {}, async (page) => {
    const saved = async (name) => {
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name }).click()]);
      const path = await download.path();
      return { name: download.suggestedFilename(), text: await readFile(path, "utf8"), path };
    };
    const csv = await saved("Save Alerts as CSV");
    assert.match(csv.name, /^tocsin-alerts-all-\d{8}T\d{6}Z\.csv$/);
    const rows = await page.locator("section", { has: page.getByRole("heading", { name: "Alerts", exact: true }) }).locator("tbody tr").count();
    assert.equal(csv.text.trim().split("\r\n").length, rows + 1);
    const json = JSON.parse((await saved("Save Alerts as JSON")).text);
    assert.equal(json.length, rows);
    assert.ok(json[0].device_id.startsWith("dev_"));
    const parquet = await saved("Save Alerts as Parquet");
    assert.match(parquet.name, /\.parquet$/);
    assert.deepEqual(parquetRows(parquet.path), json);
  }));

test("colours: as the system, light, dark; kept for the next visit", () =>
  at("/pipeline", {}, async (page) => {
    await page.keyboard.press("c");
    await page.keyboard.press("c");
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
    await page.reload();
    await settled(page);
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  }));

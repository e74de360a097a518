// What the browser tests share: a browser, a mock server with the built page, and checks that hold
// on every page. TOCSIN_WEB_FOLDER is where the page was built (with node_modules and dist).
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import assert from "node:assert/strict";

export const webFolder = process.env.TOCSIN_WEB_FOLDER ?? new URL("../../web", import.meta.url).pathname;
export const pictures = process.env.TOCSIN_PICTURES ?? join(webFolder, "pictures");
mkdirSync(pictures, { recursive: true });

const require = createRequire(join(webFolder, "package.json"));
const { chromium } = require("playwright-core");
const axeSource = require("axe-core").source;
const { startMock } = await import(pathToFileURL(join(webFolder, "mock/server.mjs")).href);
const { hostileNames } = await import(pathToFileURL(join(webFolder, "mock/fleet.mjs")).href);
export { hostileNames };

// A Thursday afternoon at which the simulated fleet has alerts and devices that are away.
export const now = Date.parse("2026-11-26T14:20:00Z");

export const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
export const desktop = { viewport: { width: 1360, height: 900 } };

/** The rows of a Parquet file, read by pyarrow. */
export function parquetRows(path) {
  const reader = new URL("../support/parquet_rows.py", import.meta.url).pathname;
  return JSON.parse(execFileSync("python3", [reader, path], { encoding: "utf8" })).rows;
}

export function startServer(options = {}) {
  return startMock({ devices: 48, now, root: join(webFolder, "dist"), ...options });
}

export function startBrowser() {
  return chromium.launch({ executablePath: process.env.TOCSIN_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
}

/** A page whose errors, refused resources and failed requests are collected. */
export async function openPage(browser, url, options = {}) {
  const context = await browser.newContext({ ...desktop, timezoneId: "Europe/Berlin", locale: "en-GB", reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`console: ${message.text()}`);
  });
  await page.goto(url);
  return { page, context, problems, close: () => context.close() };
}

/** Waits until the page shows its data: no part of it loads any more. */
export async function settled(page) {
  await page.waitForSelector("main h1, main .panel, header.top h1");
  await page.waitForFunction(() => !document.querySelector(".loading") && !document.querySelector("[aria-busy=true]"));
  await page.waitForTimeout(250);
}

/** The rules of WCAG 2.2 AA that a machine can check. */
export async function checkAccessible(page, name) {
  // The policy forbids inline scripts; evaluate goes past the document.
  await page.evaluate(axeSource);
  const found = await page.evaluate(async () => {
    const result = await window.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    return result.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => `${n.target.join(" ")} ${n.any[0]?.message ?? ""}`).join(" | ")}`);
  });
  assert.deepEqual(found, [], `${name} is not accessible`);
}

/** Nothing is wider than the screen: no sideways scrolling of the page. */
export async function checkFits(page, name) {
  const sizes = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert.ok(sizes[0] <= sizes[1], `${name} is ${sizes[0]} px wide on a screen of ${sizes[1]} px`);
}

export const views = [
  { name: "overview", path: "/?range=3h" },
  { name: "fleet", path: "/fleet" },
  { name: "device", path: "/device?id=dev_32&range=3h" },
  { name: "alerts", path: "/alerts?range=12h&state=all" },
  { name: "dead-letters", path: "/dead-letters" },
  { name: "deliveries", path: "/deliveries" },
  { name: "pipeline", path: "/pipeline" },
];

// The live stream in the page; and who may see it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { checkAccessible, openPage, settled, startBrowser, startServer } from "./support.mjs";

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.close());

test("figures, values and trends move by themselves, by one stream, with devices once a page shows them", async () => {
  const server = await startServer();
  const { page, problems, close } = await openPage(browser, server.url);
  await settled(page);
  await page.waitForFunction(() => document.querySelector(".pill")?.textContent?.startsWith("Live"));
  const before = await page.locator(".figure-value").first().textContent();
  await page.waitForFunction((text) => document.querySelector(".figure-value")?.textContent !== text, before, { timeout: 15_000 });
  await page.keyboard.press("g");
  await page.keyboard.press("d");
  await settled(page);
  const seen = await page.locator("tbody tr td:nth-last-child(3)").allTextContents();
  await page.waitForFunction((old) => [...document.querySelectorAll("tbody tr td:nth-last-child(3)")].some((td, i) => td.textContent !== old[i]), seen, { timeout: 15_000 });
  const streams = server.requests.filter((r) => r.startsWith("GET /api/v1/live")).map((r) => /devices=(\w+)/.exec(r)?.[1]);
  assert.deepEqual(streams, ["none", "all"]);
  assert.equal(server.clientCount(), 1);
  assert.deepEqual(problems, []);
  await close();
  await server.stop();
});

test("paused, nothing moves; going on, it does again", async () => {
  const server = await startServer();
  const { page, close } = await openPage(browser, server.url);
  await settled(page);
  await page.waitForFunction(() => document.querySelector(".pill")?.textContent?.startsWith("Live"));
  await page.keyboard.press("p");
  await page.getByRole("button", { name: /Paused.*Go on/ }).waitFor();
  const before = await page.locator(".figure-value").first().textContent();
  server.requests.length = 0;
  await page.waitForTimeout(6500);
  assert.equal(await page.locator(".figure-value").first().textContent(), before);
  assert.deepEqual(server.requests, []);
  await page.keyboard.press("p");
  await page.waitForFunction(() => document.querySelector(".pill")?.textContent?.startsWith("Live"));
  await close();
  await server.stop();
});

test("a lost connection is told, and taken up again with the last id", async () => {
  const server = await startServer();
  const { page, close } = await openPage(browser, server.url);
  await settled(page);
  await page.waitForFunction(() => document.querySelector(".pill")?.textContent?.startsWith("Live"));
  await page.waitForTimeout(1200);
  await page.route("**/api/v1/live**", (route) => route.abort());
  server.dropClients();
  await page.waitForFunction(() => document.querySelector(".pill")?.textContent?.startsWith("Connection lost"));
  await page.getByText("The connection to the server is lost").waitFor();
  await checkAccessible(page, "connection lost");
  await page.unroute("**/api/v1/live**");
  await page.waitForFunction(() => document.querySelector(".pill")?.textContent?.startsWith("Live"), null, { timeout: 20_000 });
  assert.equal(server.lastEventIds[0], "");
  assert.match(server.lastEventIds.at(-1), /^0:\d+$/);
  await close();
  await server.stop();
});

test("the first user is made with the server's token; then signing out and in", async () => {
  const server = await startServer({ auth: "required", setup: true });
  const { page, close } = await openPage(browser, `${server.url}/alerts`);
  await page.getByRole("heading", { name: "Set up the first user" }).waitFor();
  await checkAccessible(page, "set-up");
  await page.getByLabel("Set-up token").fill("wrong");
  await page.getByLabel("User").fill("anna");
  await page.getByLabel(/Password/).fill("correct horse battery");
  await page.getByRole("button", { name: "Make the user" }).click();
  await page.getByText("this is not the set-up token that the server printed").waitFor();
  await page.getByLabel("Set-up token").fill("mock-token");
  await page.getByRole("button", { name: "Make the user" }).click();
  await page.getByRole("heading", { name: "Timeline" }).waitFor();
  await page.getByRole("button", { name: "Sign out anna" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await checkAccessible(page, "sign in");
  await page.getByLabel("User").fill("anna");
  await page.getByLabel("Password").fill("wrong password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("user or password are wrong").waitFor();
  await page.getByLabel("Password").fill("correct horse battery");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Timeline" }).waitFor();
  // What changes something carries the session's CSRF value: the server refuses it otherwise.
  await page.goto(`${server.url}/dead-letters`);
  await page.getByRole("button", { name: "Replay…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Replay" }).click();
  await page.getByText(/sent again/).waitFor();
  // A session that ended leads back to the door.
  server.session.user = null;
  await page.reload();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await close();
  await server.stop();
});

// How fast the page is: first paint, first data, a long history drawn, frames of a live fleet.
// Against the mock server in headless Chromium (which draws without a graphics card).
//
//   TOCSIN_WEB_FOLDER=build/release/web node bench/web/page.mjs
import { openPage, settled, startBrowser, startServer } from "../../tests/web/support.mjs";

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const round = (value) => Math.round(value * 10) / 10;
const browser = await startBrowser();

async function paint(server) {
  const { page, close } = await openPage(browser, server.url);
  await page.waitForSelector(".figure-value");
  const first = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN);
  await page.waitForSelector(".u-over");
  const charts = await page.evaluate(() => performance.now());
  await close();
  return [first, charts];
}

/** From the answer of the series in the page to the end of the task that drew it. */
async function draw(server, points) {
  const { page, close } = await openPage(browser, `${server.url}/device?id=dev_0001&range=24h`);
  await settled(page);
  const t = Array.from({ length: points }, (_, i) => server.from + (i / points) * 86_400_000);
  const body = JSON.stringify({
    metric: "temperature", unit: "°C", device: "dev_0001", kind: "samples", from_ms: server.from, to_ms: server.from + 86_400_000,
    bucket_ms: 1, t, v: t.map((_, i) => 30 + 10 * Math.sin(i / 500) + (i % 7)), readings: points,
  });
  await page.route("**/api/v1/series**metric=temperature**", (route) => route.fulfill({ contentType: "application/json", body }));
  await page.evaluate(() => {
    window.drawn = 0;
    const json = Response.prototype.json;
    Response.prototype.json = async function () {
      const data = await json.call(this);
      if (data.metric === "temperature") {
        const begin = performance.now();
        requestAnimationFrame(() => setTimeout(() => { window.drawn = performance.now() - begin; }));
      }
      return data;
    };
  });
  await page.locator("#time-range").click();
  await page.getByRole("button", { name: "Last 12 hours" }).click();
  await page.waitForFunction(() => window.drawn > 0);
  const drawn = await page.evaluate(() => window.drawn);
  await close();
  return drawn;
}

/** Frames in five seconds of a live fleet page that is scrolled all the time. */
async function frames(server) {
  const { page, close } = await openPage(browser, `${server.url}/fleet`, { reducedMotion: "no-preference" });
  await settled(page);
  const times = await page.evaluate(() => new Promise((resolve) => {
    const box = document.querySelector(".virtual");
    const seen = [];
    const step = (now) => {
      seen.push(now);
      box.scrollTop += 7;
      if (now - seen[0] < 5000) requestAnimationFrame(step);
      else resolve(seen);
    };
    requestAnimationFrame(step);
  }));
  await close();
  const gaps = times.slice(1).map((time, i) => time - times[i]).sort((a, b) => a - b);
  return { rate: gaps.length / 5, p99: gaps[Math.floor(gaps.length * 0.99)], worst: gaps.at(-1) };
}

const server = await startServer({ devices: 1000 });
server.from = Date.parse("2026-11-25T14:20:00Z");
const paints = [];
for (let i = 0; i < 5; i += 1) paints.push(await paint(server));
console.log(`first paint ${round(median(paints.map((p) => p[0])))} ms, charts ${round(median(paints.map((p) => p[1])))} ms (median of 5, 1,000 devices)`);
for (const points of [2_000, 100_000, 1_000_000]) {
  const runs = [];
  for (let i = 0; i < 3; i += 1) runs.push(await draw(server, points));
  console.log(`${points.toLocaleString("en-US")} points drawn in ${round(median(runs))} ms (median of 3)`);
}
const live = await frames(server);
console.log(`fleet of 1,000 live, scrolled: ${round(live.rate)} frames/s, p99 ${round(live.p99)} ms, longest ${round(live.worst)} ms`);
await browser.close();
await server.stop();

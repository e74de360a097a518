// Builds the page: type check apart, esbuild makes one script and one style sheet with hashed
// names; index.html names them. Beside each file stand its gzip and Brotli forms. The licences of
// what is bundled are collected into licences.txt.
//
//   node build.mjs [--out DIR] [--dev]
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const budgetBytes = 150 * 1024;
const { values } = parseArgs({
  options: { out: { type: "string", default: join(here, "dist") }, dev: { type: "boolean", default: false } },
});

function hashOf(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The licence text of each package of which something is in the bundle. */
async function licencesOf(metafile) {
  const names = new Set();
  for (const output of Object.values(metafile.outputs)) {
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      const match = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
      if (match && bytesInOutput > 0) names.add(match[1]);
    }
  }
  let text = "Licences of the libraries in this page\n";
  for (const name of [...names].sort()) {
    const folder = join(here, "node_modules", name);
    const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const licence = await readFile(join(folder, "LICENSE"), "utf8").catch(() => null);
    if (licence === null) throw new Error(`${name}: no file LICENSE in the package`);
    text += `\n${"=".repeat(72)}\n${name} ${version} (${license})\n${"=".repeat(72)}\n\n${licence.trim()}\n`;
  }
  return text;
}

const result = await build({
  absWorkingDir: here,
  entryPoints: { app: "src/main.tsx", style: "src/styles/main.css" },
  outdir: values.out,
  bundle: true,
  format: "esm",
  target: ["es2022", "chrome109", "firefox115", "safari16"],
  minify: !values.dev,
  sourcemap: values.dev ? "linked" : false,
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  metafile: true,
  write: false,
  logLevel: "warning",
});

await rm(values.out, { recursive: true, force: true });
await mkdir(values.out, { recursive: true });
const files = [];
const names = {};
for (const output of result.outputFiles) {
  const kind = basename(output.path).split(".")[0];
  const extension = extname(output.path);
  const name = extension === ".map" ? basename(output.path) : `${kind}.${hashOf(output.contents).slice(0, 10)}${extension}`;
  if (extension !== ".map") names[`${kind}${extension}`] = name;
  files.push({ name, bytes: Buffer.from(output.contents), immutable: extension !== ".map" });
}
let html = await readFile(join(here, "src/index.html"), "utf8");
html = html.replace("app.js", names["app.js"]).replace("style.css", names["style.css"]);
files.push({ name: "index.html", bytes: Buffer.from(html), immutable: false });
for (const name of ["favicon.svg", "manifest.json"]) {
  files.push({ name, bytes: await readFile(join(here, "src", name)), immutable: false });
}
files.push({ name: "licences.txt", bytes: Buffer.from(await licencesOf(result.metafile)), immutable: false });

let gzipTotal = 0;
const manifest = [];
for (const file of files.sort((a, b) => (a.name < b.name ? -1 : 1))) {
  const gzip = gzipSync(file.bytes, { level: 9 });
  const brotli = brotliCompressSync(file.bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: file.bytes.length },
  });
  await writeFile(join(values.out, file.name), file.bytes);
  await writeFile(join(values.out, `${file.name}.gz`), gzip);
  await writeFile(join(values.out, `${file.name}.br`), brotli);
  if (extname(file.name) !== ".map") gzipTotal += gzip.length;
  manifest.push({ file: file.name, sha256: hashOf(file.bytes), immutable: file.immutable, bytes: file.bytes.length, gzip: gzip.length, brotli: brotli.length });
}
await writeFile(join(values.out, "assets.json"), `${JSON.stringify(manifest, null, 1)}\n`);
for (const { file, bytes, gzip, brotli } of manifest) {
  console.log(`${file.padEnd(24)} ${String(bytes).padStart(8)} B, gzip ${String(gzip).padStart(6)}, brotli ${String(brotli).padStart(6)}`);
}
console.log(`all compressed (gzip): ${gzipTotal} B of ${budgetBytes}`);
if (!values.dev && gzipTotal > budgetBytes) {
  console.error(`the page is ${gzipTotal} B compressed; at most ${budgetBytes} are wanted`);
  process.exit(1);
}

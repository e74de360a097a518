// The mock server by hand: node mock/main.mjs --port 8502 --devices 200 --metrics 5 --hostile
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startMock } from "./server.mjs";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "8502" },
    devices: { type: "string", default: "24" },
    metrics: { type: "string", default: "2" },
    hostile: { type: "boolean", default: false },
    root: { type: "string", default: fileURLToPath(new URL("../dist", import.meta.url)) },
  },
});
const mock = await startMock({
  port: Number(values.port), devices: Number(values.devices), metrics: Number(values.metrics),
  hostile: values.hostile, root: values.root,
});
console.log(`the mock listens at ${mock.url}`);

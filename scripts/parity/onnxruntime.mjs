// Runs ONNX files in ONNX Runtime on the samples that lie beside them and compares its outputs with the model's.
//   node scripts/parity/onnxruntime.mjs [--tolerance 1e-4] FILE.onnx...
// Beside each file lies FILE.golden.safetensors (of older versions golden.safetensors), as `mlrun export` writes it.
// Needs the package onnxruntime-node: `npm i --ignore-scripts onnxruntime-node`; $MLRUN_ONNXRUNTIME_NODE names the folder
// that has node_modules (default: this one). One line for each file; exit code 3 where one differs.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";

const home = process.env.MLRUN_ONNXRUNTIME_NODE ?? process.cwd();
const ort = createRequire(join(resolve(home), "x.js"))("onnxruntime-node");

const kTypes = { F32: ["float32", Float32Array], U8: ["uint8", Uint8Array] };

function readSafetensors(file) {
  const bytes = readFileSync(file);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const tensors = {};
  for (const [name, entry] of Object.entries(JSON.parse(bytes.subarray(8, start)))) {
    if (name === "__metadata__") continue;
    const [type, array] = kTypes[entry.dtype];
    const [begin, end] = entry.data_offsets;
    const copy = Uint8Array.prototype.slice.call(bytes, start + begin, start + end);
    tensors[name] = { type, shape: entry.shape, data: new array(copy.buffer) };
  }
  return tensors;
}

function rows({ type, shape, data }, begin, count) {
  const width = data.length / shape[0];
  return new ort.Tensor(type, data.slice(begin * width, (begin + count) * width), [count, ...shape.slice(1)]);
}

// The largest difference in batches of `size`, as a share of the largest output. A file for one size of batch alone
// gets that.
async function difference(session, golden, size) {
  const total = golden.input.shape[0];
  const width = golden.output.data.length / total;
  const scale = golden.output.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  let largest = 0;
  for (let begin = 0; begin + size <= total; begin += size) {
    const found = (await session.run({ input: rows(golden.input, begin, size) })).output.data;
    for (let i = 0; i < found.length; ++i) {
      const off = Math.abs(found[i] - golden.output.data[begin * width + i]);
      largest = off <= largest ? largest : off; // NaN stays
    }
  }
  return largest / (scale || 1); // a classifier may begin with zeros for weights
}

async function check(file, tolerance) {
  const beside = `${file}.golden.safetensors`;
  const golden = readSafetensors(existsSync(beside) ? beside : join(dirname(file), "golden.safetensors"));
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const fixed = session.inputMetadata?.[0]?.shape?.[0];
  const sizes = typeof fixed === "number" && fixed > 0 ? [fixed] : [1, 3];
  const found = {};
  for (const size of sizes) found[size] = await difference(session, golden, size);
  await session.release();
  const met = Object.values(found).every((value) => value <= tolerance);
  const text = Object.entries(found).map(([size, value]) => `batch ${size}: ${value.toExponential(1)}`);
  console.log(`${file}: ${text.join(", ")}: ${met ? "met" : "differs"}`);
  return met;
}

const files = process.argv.slice(2);
let tolerance = 1e-4;
if (files[0] === "--tolerance") tolerance = Number(files.splice(0, 2)[1]);
let met = true;
for (const file of files) {
  try {
    met = (await check(file, tolerance)) && met;
  } catch (error) {
    console.log(`${file}: ${String(error.message ?? error).split("\n")[0]}: fails`);
    met = false;
  }
}
process.exit(met ? 0 : 3);

// Runs ONNX files in ONNX Runtime on the samples that lie beside them and compares its outputs with the model's.
//   node scripts/parity/onnxruntime.mjs [--tolerance 1e-4] FILE.onnx...
// Beside each file lies FILE.golden.safetensors (of older versions golden.safetensors), as `mlrun export` writes it. What a
// detector found is compared whatever its order: of a hundred boxes one at most may have no counterpart.
// Needs the package onnxruntime-node: `npm i --ignore-scripts onnxruntime-node`; $MLRUN_ONNXRUNTIME_NODE names the folder
// that has node_modules (default: this one). One line for each file; exit code 3 where one differs.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";

const home = process.env.MLRUN_ONNXRUNTIME_NODE ?? process.cwd();
const ort = createRequire(join(resolve(home), "x.js"))("onnxruntime-node");

const kTypes = { F32: ["float32", Float32Array], U8: ["uint8", Uint8Array], I64: ["int64", BigInt64Array] };

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

function samplesOf(session, golden, begin, count) {
  return Object.fromEntries(session.inputNames.map((name) => [name, rows(golden[name], begin, count)]));
}

const total = (session, golden) => golden[session.inputNames[0]].shape[0];

// The largest difference of any output in batches of `size`, as a share of that output's largest number. A file for one
// size of batch alone gets that.
async function difference(session, golden, size) {
  const largest = session.outputNames.map(() => 0);
  for (let begin = 0; begin + size <= total(session, golden); begin += size) {
    const found = await session.run(samplesOf(session, golden, begin, size));
    session.outputNames.forEach((name, output) => {
      const width = golden[name].data.length / total(session, golden);
      const { data } = found[name];
      for (let i = 0; i < data.length; ++i) {
        const off = Math.abs(Number(data[i]) - Number(golden[name].data[begin * width + i]));
        largest[output] = off <= largest[output] ? largest[output] : off; // NaN stays
      }
    });
  }
  const scaled = session.outputNames.map((name, output) => {
    const scale = golden[name].data.reduce((most, value) => Math.max(most, Math.abs(Number(value))), 0);
    return largest[output] / (scale || 1); // a model may begin with zeros for weights
  });
  return scaled.reduce((most, value) => (value <= most ? most : value), 0);
}

// Pairs what was found in one image with what the model found: of the same label, with scores and boxes within the
// tolerance (shares of 1 and of the image's longer side).
function pairs(model, found, pixels, score) {
  const free = new Set(found.scores.keys());
  let alike = 0;
  for (let i = 0; i < model.scores.length; ++i) {
    for (const j of free) {
      const near = [0, 1, 2, 3].every((k) => Math.abs(model.boxes[4 * i + k] - found.boxes[4 * j + k]) <= pixels);
      if (!near || model.labels[i] !== found.labels[j] || !(Math.abs(model.scores[i] - found.scores[j]) <= score)) continue;
      free.delete(j);
      ++alike;
      break;
    }
  }
  return alike;
}

// The share of a detector's boxes that have a counterpart.
async function agreement(session, golden, tolerance) {
  const [height, width] = golden[session.inputNames[0]].shape.slice(2);
  let begin = 0;
  const sums = { found: 0, alike: 0 };
  for (let image = 0; image < total(session, golden); ++image) {
    const count = Number(golden.counts.data[image]);
    const own = (name, each) => golden[name].data.slice(begin * each, (begin + count) * each);
    const model = { boxes: own("boxes", 4), scores: own("scores", 1), labels: own("labels", 1) };
    const outputs = await session.run(samplesOf(session, golden, image, 1));
    const found = Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data]));
    sums.found += Math.max(count, found.scores.length);
    sums.alike += pairs(model, found, tolerance * Math.max(height, width), tolerance);
    begin += count;
  }
  return sums;
}

async function verdict(session, golden, tolerance) {
  if (golden.counts && session.outputNames.includes("boxes")) {
    const { found, alike } = await agreement(session, golden, tolerance);
    return { text: `${alike} of ${found} boxes found alike`, met: alike >= 0.99 * found };
  }
  const fixed = session.inputMetadata?.[0]?.shape?.[0];
  const sizes = typeof fixed === "number" && fixed > 0 ? [fixed] : [1, Math.min(3, total(session, golden))];
  const found = [];
  for (const size of sizes) found.push(await difference(session, golden, size));
  const text = sizes.map((size, i) => `batch ${size}: ${found[i].toExponential(1)}`).join(", ");
  return { text, met: found.every((value) => value <= tolerance) };
}

async function check(file, tolerance) {
  const beside = `${file}.golden.safetensors`;
  const golden = readSafetensors(existsSync(beside) ? beside : join(dirname(file), "golden.safetensors"));
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const { text, met } = await verdict(session, golden, tolerance);
  await session.release();
  console.log(`${file}: ${text}: ${met ? "met" : "differs"}`);
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

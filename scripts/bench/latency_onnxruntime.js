// Times an ONNX file with ONNX Runtime on the CPU; prints {"onnxruntime": [ms...]}.
// Usage: node latency_onnxruntime.js FILE BATCH THREADS SECONDS [SIZE]   (NODE_PATH names the folder that has onnxruntime-node)
const ort = require('onnxruntime-node');

async function main() {
  const [file, batch, threads, seconds] = [process.argv[2], ...process.argv.slice(3).map(Number)];
  const session = await ort.InferenceSession.create(file, {
    executionProviders: ['cpu'], intraOpNumThreads: threads, interOpNumThreads: 1, graphOptimizationLevel: 'all'});
  const size = Number(process.argv[6] || 224);  // pixels a side
  const values = new Float32Array(batch * 3 * size * size).map(() => Math.random() * 2 - 1);
  const feeds = {[session.inputNames[0]]: new ort.Tensor('float32', values, [batch, 3, size, size])};
  let begin = performance.now();
  for (let calls = 0; calls < 2 || performance.now() - begin < 1000 * seconds / 3; ++calls) await session.run(feeds);
  const times = [];
  begin = performance.now();
  while (times.length < 3 || performance.now() - begin < 1000 * seconds) {
    const before = performance.now();
    await session.run(feeds);
    times.push(performance.now() - before);
  }
  console.log(JSON.stringify({onnxruntime: times}));
}

main();

// Times @vladmandic/face-api under Node (wasm), on raw RGB frames from standard input; see
// compare.py. Arguments: the folder with node_modules, width, height, detector (ssd | tiny).
const fs = require('fs');
const path = require('path');

const [root, width, height, detector] = process.argv.slice(2);
const modules = path.join(root, 'node_modules');
const tf = require(path.join(modules, '@tensorflow/tfjs'));
const wasm = require(path.join(modules, '@tensorflow/tfjs-backend-wasm'));
const faceapi = require(path.join(modules, '@vladmandic/face-api/dist/face-api.node-wasm.js'));
const { version } = require(path.join(modules, '@vladmandic/face-api/package.json'));

async function main() {
  wasm.setWasmPaths(path.join(modules, '@tensorflow/tfjs-backend-wasm/dist/'));
  await tf.setBackend('wasm');
  await tf.ready();
  const models = path.join(modules, '@vladmandic/face-api/model');
  const nets = faceapi.nets;
  const [net, options] =
    detector === 'tiny'
      ? [nets.tinyFaceDetector, new faceapi.TinyFaceDetectorOptions()]
      : [nets.ssdMobilenetv1, new faceapi.SsdMobilenetv1Options()];
  await net.loadFromDisk(models);
  await nets.faceExpressionNet.loadFromDisk(models);
  const shape = [Number(height), Number(width), 3];
  const frame = Buffer.alloc(shape[0] * shape[1] * 3);
  const ms = [];
  let found = 0;
  for (;;) {
    let filled = 0;
    while (filled < frame.length) {
      const read = fs.readSync(0, frame, filled, frame.length - filled);
      if (read === 0) break;
      filled += read;
    }
    if (filled < frame.length) break;
    const started = performance.now();
    const image = tf.tensor3d(new Uint8Array(frame), shape, 'int32');
    const faces = await faceapi.detectAllFaces(image, options).withFaceExpressions();
    image.dispose();
    ms.push(performance.now() - started);
    found += faces.length > 0;
  }
  console.log(JSON.stringify({ version, ms, with_face: found }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

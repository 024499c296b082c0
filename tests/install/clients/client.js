// SPDX-License-Identifier: GPL-2.0-or-later

// client.js WAY DEVICE...: Node reads a line from each device, by WAY:
//   stream    fs.createReadStream, which keeps a thread of the pool busy for each device
//   receive   a child process, `vfifo receive`
// While all wait, it asks for the state of a file, which takes a thread of the pool, and prints whether
// that worked. Then it writes the lines.
// client.js socket DEVICE: prints the error of net.Socket.
// client.js copy DEVICE: copies the stream to standard output, to its end.
'use strict';
const fs = require('fs');
const net = require('net');
const { spawn, execFileSync } = require('child_process');
const [way, ...devices] = process.argv.slice(2);

const children = [];

function reader(device) {
  if (way === 'stream') return fs.createReadStream(device);
  const child = spawn('vfifo', ['receive', device], { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  return child.stdout;
}

function line(stream) {
  return new Promise((resolve, reject) => {
    let text = '';
    stream.on('error', reject);
    stream.on('data', (piece) => {
      text += piece;
      if (text.endsWith('\n')) resolve(text);
    });
  });
}

async function main() {
  const lines = devices.map((device) => line(reader(device)));
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const state = fs.promises.stat('/').then(() => 'works');
  const late = new Promise((resolve) => setTimeout(resolve, 2000, 'starves'));
  console.log(`the pool ${await Promise.race([state, late])}`);
  for (const device of devices)
    execFileSync('sh', ['-c', `echo ${device} >${device}`]);
  console.log((await Promise.all(lines)).join(''));
  for (const child of children) child.kill();
  // process.exit() would wait for a thread that waits for bytes. A signal does not.
  process.kill(process.pid);
}

if (way === 'copy') {
  fs.createReadStream(devices[0]).pipe(process.stdout);
} else if (way === 'socket') {
  try {
    new net.Socket({ fd: fs.openSync(devices[0], 'r') });
  } catch (error) {
    console.log(error.code);
  }
} else {
  main();
}

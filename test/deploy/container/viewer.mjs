/* A viewer of the gateway on this machine. usage: viewer.mjs round-trip | sent-away */
import { Buffer } from 'node:buffer';
import { writeFileSync } from 'node:fs';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { LiveClient } from '/opt/checkout/dist/client/index.js';

const client = new LiveClient({ endpoints: ['127.0.0.1:50051'] });
const [, , what] = process.argv;

/** What was published comes back. */
async function roundTrip() {
  const sent = `${process.pid}-${Date.now()}`;
  await client.publish('r', { type: 'gift', payload: sent });
  for await (const event of client.join('r', { from: 'earliest' }))
    if (event.kind === 'message' && Buffer.from(event.message.payload).toString() === sent) return;
}

/** The gateway says that it goes, and when to go elsewhere, rather than being gone. */
async function sentAway() {
  for await (const event of client.join('r')) if (event.kind === 'joined') break;
  writeFileSync('/run/viewer-is-live', '');
  while (client.state.kind === 'live') await setTimeout(1);
  if (client.state.kind !== 'moving') process.exitCode = 1;
}

await (what === 'sent-away' ? sentAway() : roundTrip());
await client.close();

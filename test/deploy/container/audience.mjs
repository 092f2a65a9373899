/* Viewers at each of some endpoints, who have to be told what is published by the last of them. usage: audience.mjs TEXT ENDPOINT... */
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { LiveClient } from '../../../dist/client/index.js';

const [, , text, ...endpoints] = process.argv;
const tls = { ca: readFileSync('/certificates/ca.crt') };
const clients = endpoints.map(
  (endpoint) =>
    new LiveClient({
      endpoints: [endpoint],
      token: process.env.TOKEN,
      ...(endpoint.startsWith('https:') && { tls }),
    }),
);

/** Ends when the text has come. */
async function hears(client) {
  for await (const event of client.join('tea', { from: 'earliest' }))
    if (event.kind === 'message' && Buffer.from(event.message.payload).toString() === text) return;
}

await Promise.all([...clients.map(hears), clients.at(-1).publish('tea', { type: 'gift', payload: text })]);
await Promise.all(clients.map((client) => client.close()));

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { setPriority } from 'node:os';
import type { CallFloodKind } from '../wire/call-flood.ts';
import { CALL_FLOOD_KINDS, CallFlood } from '../wire/call-flood.ts';
import type { FloodKind } from '../wire/flood.ts';
import { Flood } from '../wire/flood.ts';
import { serve } from './worker.ts';

/** Attackers of somebody else on the same machine: what they take of it costs viewers something as well. */
const CONTROL = 'somebody else';
export type AttackKind = typeof CONTROL | FloodKind | CallFloodKind;

/** Attackers to set loose, each with a connection of its own. */
export interface Attackers {
  readonly port: number;
  readonly kind: AttackKind;
  readonly connections: number;
}

/** What all attackers together send at most, in bytes a millisecond: 200 Mbit/s. Who fills the link in front of a gateway need not attack it. */
const LINK_BYTES_PER_MS = 25_000;
/** Of what is sent without waiting for anything, so much at once: what a link brings in a few milliseconds. */
const BLOCK_BYTES = 16 * 1024;

/** Others first: attackers would come by machines of their own. */
const LOWEST_PRIORITY = 19;

let attackers: (Flood | CallFlood)[] = [];

function isCallFlood(kind: AttackKind): kind is CallFloodKind {
  return (CALL_FLOOD_KINDS as readonly string[]).includes(kind);
}

/** Takes all that comes; its port. */
async function startSink(): Promise<number> {
  const sink = createServer((socket) => socket.on('error', () => undefined).resume()).unref();
  await once(sink.listen(0, '127.0.0.1'), 'listening');
  return (sink.address() as AddressInfo).port;
}

const attackerMethods = {
  async begin({ port, kind, connections }: Attackers): Promise<void> {
    setPriority(LOWEST_PRIORITY);
    const sink = kind === CONTROL ? await startSink() : undefined;
    const flood = (to: number, frames: FloodKind): Flood =>
      new Flood({ host: '127.0.0.1', port: to }, frames, BLOCK_BYTES, LINK_BYTES_PER_MS / connections);
    attackers = Array.from({ length: connections }, () => {
      if (sink !== undefined) return flood(sink, 'pings');
      return isCallFlood(kind) ? new CallFlood(port, kind) : flood(port, kind as FloodKind);
    });
  },
  /** Ends the attack; what was sent in all, and how often a connection was closed. */
  end(): { readonly frames: number; readonly closed: number } {
    const counts = attackers.map((attacker) => attacker.counts);
    for (const attacker of attackers.splice(0)) attacker.stop();
    return {
      frames: counts.reduce((sum, { frames }) => sum + frames, 0),
      closed: counts.reduce((sum, { closed }) => sum + closed, 0),
    };
  },
};

/** What the attackers' process can be asked. */
export type AttackerMethods = typeof attackerMethods;

serve(attackerMethods);

import { setTimeout as delay } from 'node:timers/promises';
import { peerNamed } from '../peers/index.ts';
import { RawConnection } from '../wire/connection.ts';
import type { Tally } from '../wire/connection.ts';
import { serve } from './worker.ts';

/** Connections that are being opened at the same time. */
const OPENING = 100;
const POLL_MS = 1;
/** About so many connections look at the age of what they receive. */
const TIMED = 25;

/** Subscribers to open, each on a connection of its own. */
export interface Subscriptions {
  readonly peer: string;
  readonly port: number;
  readonly room: string;
  readonly count: number;
  /**
   * `live`: what is published from now on; `compressed`: the same, compressed and not counted; `replay`: everything held;
   * `stuck`: live, but nothing is read.
   */
  readonly kind: 'live' | 'compressed' | 'replay' | 'stuck';
  /** Every subscriber has a room of its own, whose name begins with `room`. */
  readonly spread?: boolean;
}

/** What all subscribers have received between `begin` and `end`. */
export interface Received {
  readonly messages: number;
  readonly seconds: number;
  /** Of a sample of deliveries, ascending, in microseconds. */
  readonly ages: Float64Array;
  /** Why subscribers were lost since they were opened, each: their messages are missing in the count. */
  readonly losses: readonly string[];
}

const tally: Tally = { messages: 0, bytes: 0, ages: [] };
let connections: RawConnection[] = [];
let losses: string[] = [];
let began = { atMs: 0, messages: 0 };

async function open({ peer, port, room, count, kind, spread = false }: Subscriptions): Promise<void> {
  const { subscriber, compressed, replayer } = peerNamed(peer);
  const make = { live: subscriber, stuck: subscriber, compressed, replay: replayer }[kind];
  if (make === undefined) throw new Error(`${peer} has no ${kind} subscribers`);
  let opened = 0;
  const every = Math.max(1, Math.floor(count / TIMED));
  const openSome = async (): Promise<void> => {
    while (opened < count) {
      const number = opened++;
      const connection = new RawConnection({
        port,
        room: spread ? `${room}-${number}` : room,
        make,
        tally,
        timed: number % every === 0,
        lost: (reason) => losses.push(reason),
      });
      connections.push(connection);
      await connection.ready;
      if (kind === 'stuck') connection.stall();
    }
  };
  await Promise.all(Array.from({ length: Math.min(OPENING, count) }, openSome));
}

const subscriberMethods = {
  /** Resolves when all subscriptions are in force. */
  open,
  /** Messages received so far by all. */
  count: () => tally.messages,
  bytes: () => tally.bytes,
  begin(): void {
    tally.ages = [];
    began = { atMs: performance.now(), messages: tally.messages };
  },
  end(): Received {
    const seconds = (performance.now() - began.atMs) / 1000;
    const ages = Float64Array.from(tally.ages).sort();
    return { messages: tally.messages - began.messages, seconds, ages, losses };
  },
  /** Opens one subscriber and resolves with the seconds until it has `messages` messages. */
  async replay({
    messages,
    ...subscriptions
  }: Subscriptions & { readonly messages: number }): Promise<number> {
    const target = tally.messages + messages;
    const startMs = performance.now();
    const opening = open({ ...subscriptions, count: 1, kind: 'replay' });
    // Not by turns of the event loop: they would keep one core from the server.
    while (tally.messages < target && losses.length === 0) await delay(POLL_MS);
    const seconds = (performance.now() - startMs) / 1000;
    await opening;
    return seconds;
  },
  /** Closes all connections. */
  drop(): void {
    for (const connection of connections) connection.drop();
    connections = [];
    losses = [];
  },
};

/** What the subscribers' process can be asked. */
export type SubscriberMethods = typeof subscriberMethods;

serve(subscriberMethods);

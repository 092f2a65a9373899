import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { LiveClient } from '../../client/index.ts';
import type { Link, LinkHandlers, Transport } from '../../client/core/transport.ts';
import { receiveFrame } from '../../client/transports/grpc/receive-frame.ts';
import type { ClientFrameInput, ServerFrameInput } from '../../protos/live.ts';
import { encodeServerFrame } from '../../protos/live.ts';
import { ROOM } from './stage.ts';
import { serve } from './worker.ts';

/** What a read of a socket gives at once, in bytes. */
const CHUNK_BYTES = 65_536;
const MESSAGES = 100_000;
const PAYLOAD = JSON.stringify({ gift: 'rose', count: 1, note: 'from one of many to one of many' });
const EPOCH = 'LIVE@1';

/** One client that takes all it can. */
export interface Receiving {
  /** Reliable messages in each frame. */
  readonly perFrame: number;
  readonly seconds: number;
}

/** A gateway in memory: sends the frames that it has, as they would come off the wire, as far as the client's credit goes. */
class FrameSource implements Link {
  readonly bytesReceived = 0;
  readonly incoming = undefined;
  readonly #handlers: LinkHandlers;
  readonly #frames: readonly Buffer[];
  #sent = 0;
  #credit = 0;
  #pumping = false;
  #destroyed = false;

  constructor(frames: readonly Buffer[], handlers: LinkHandlers) {
    this.#frames = frames;
    this.#handlers = handlers;
  }

  send({ hello, join, credit }: ClientFrameInput): void {
    if (hello) this.#later({ welcome: { session: 's', heartbeatMs: 60_000, epoch: EPOCH } });
    if (join) {
      const cursor = { epoch: EPOCH, seq: 0, fingerprint: 0 };
      this.#later({ joined: { room: ROOM, cursor, outcome: 'OUTCOME_STARTED' } });
    }
    this.#credit += Number(join?.creditBytes ?? credit?.bytes ?? 0);
    if (!this.#pumping) void this.#pump();
  }

  destroy(): void {
    this.#destroyed = true;
  }

  #later(frame: ServerFrameInput): void {
    setImmediate(() => this.#deliver(encodeServerFrame(frame)));
  }

  #deliver(encoded: Buffer): void {
    if (this.#destroyed) return;
    const { frame, bytes, receivedBytes } = receiveFrame(encoded);
    this.#handlers.frame(frame, bytes, receivedBytes);
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    while (this.#credit > 0 && this.#sent < this.#frames.length && !this.#destroyed) {
      await turn();
      for (let chunk = 0; chunk < CHUNK_BYTES && this.#credit > 0;) {
        const encoded = this.#frames[this.#sent];
        if (encoded === undefined) break;
        this.#sent += 1;
        this.#credit -= encoded.length;
        chunk += encoded.length;
        this.#deliver(encoded);
      }
    }
    this.#pumping = false;
  }
}

function framesOf(messages: number, perFrame: number): Buffer[] {
  const payload = Buffer.from(PAYLOAD);
  const frames: Buffer[] = [];
  for (let seq = 1; seq <= messages;) {
    const reliable = Array.from({ length: Math.min(perFrame, messages - seq + 1) }, () => ({
      seq,
      prevSeq: seq - 1,
      fingerprint: seq,
      id: `${ROOM}:ann:key-${seq}`,
      type: 'gift',
      sender: 'ann',
      timeMs: 1_700_000_000_000 + seq++,
      payload,
    }));
    frames.push(encodeServerFrame({ batch: { room: ROOM, reliable } }));
  }
  return frames;
}

function clientOf(frames: readonly Buffer[]): LiveClient {
  const noCalls = (): never => {
    throw new Error('only Connect is served');
  };
  const transport: Transport = {
    open: (_, handlers) => new FrameSource(frames, handlers),
    getRoom: noCalls,
    pull: noCalls,
    close: () => undefined,
  };
  return new LiveClient({ endpoints: ['memory:1'], transport });
}

/** Takes every message there is. @returns how long that took, in seconds */
async function takeAll(frames: readonly Buffer[], messages: number): Promise<number> {
  const client = clientOf(frames);
  const startMs = performance.now();
  let left = messages;
  for await (const event of client.join(ROOM)) {
    if (event.kind === 'message') left -= 1;
    if (left === 0) break;
  }
  const seconds = (performance.now() - startMs) / 1000;
  await client.close();
  return seconds;
}

async function heapBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let times = 0; times < 3; times++) {
    collect();
    await turn();
  }
  return process.memoryUsage().heapUsed;
}

const receiverMethods = {
  /** Messages a second that one client takes, from the bytes to the application. */
  async receive({ perFrame, seconds }: Receiving): Promise<number> {
    const frames = framesOf(MESSAGES, perFrame);
    await takeAll(frames, MESSAGES);
    let taken = 0;
    let spent = 0;
    while (spent < seconds) {
      spent += await takeAll(frames, MESSAGES);
      taken += MESSAGES;
    }
    return taken / spent;
  },
  /** Heap of a client that has joined a room and taken one message, in bytes; its connection is not counted. */
  async heap(clients: number): Promise<number> {
    const frames = framesOf(1, 1);
    const idle = async (): Promise<LiveClient> => {
      const client = clientOf(frames);
      const events = client.join(ROOM)[Symbol.asyncIterator]();
      await events.next();
      await events.next();
      void events.next();
      return client;
    };
    const warm = await Promise.all(Array.from({ length: 100 }, idle));
    await Promise.all(warm.map((client) => client.close()));
    const before = await heapBytes();
    const open = await Promise.all(Array.from({ length: clients }, idle));
    const bytes = ((await heapBytes()) - before) / clients;
    await Promise.all(open.map((client) => client.close()));
    return bytes;
  },
};

/** What the receivers' process can be asked. */
export type ReceiverMethods = typeof receiverMethods;

serve(receiverMethods);

import type { Publication } from '../peers/peer.ts';
import { peerNamed } from '../peers/index.ts';
import { stampedPayload } from '../wire/payload.ts';
import { serve } from './worker.ts';

const TICK_MS = 1;
/** Messages handed over at most before they are sent. */
const FLUSH_EVERY = 64;

/** Where to publish; `path` names one of the peer's ways to publish. */
export interface PublisherTarget {
  readonly peer: string;
  readonly path: string;
  readonly port: number;
}

/** A steady rate, whatever becomes of the messages: an open loop. */
export interface Schedule {
  readonly rooms: readonly string[];
  /** Messages a second, over all rooms in turn. */
  readonly rate: number;
  readonly seconds: number;
}

/** What became of a schedule. */
export interface Published {
  readonly messages: number;
  /** Messages a second, as they really were. */
  readonly rate: number;
}

/** As fast as acknowledgements come back: a closed loop. */
export interface ClosedLoop {
  readonly room: string;
  /** Messages that wait for their acknowledgement at any time. */
  readonly outstanding: number;
  readonly seconds: number;
}

/** What became of a closed loop. */
export interface Acknowledged {
  readonly acks: number;
  readonly seconds: number;
  /** Time from a message to its acknowledgement, ascending, in milliseconds. */
  readonly latencies: Float64Array;
}

let publication: Publication | undefined;

function connected(): Publication {
  if (publication === undefined) throw new Error('not connected');
  return publication;
}

const publisherMethods = {
  async connect({ peer, path, port }: PublisherTarget): Promise<void> {
    const connect = peerNamed(peer).publish[path];
    if (connect === undefined) throw new Error(`${peer} cannot be published to by ${path}`);
    publication = await connect(port);
  },
  /** Publishes on schedule; resolves when everything is handed over. */
  async run({ rooms, rate, seconds }: Schedule): Promise<Published> {
    const link = connected();
    const beganMs = performance.now();
    const total = Math.round(rate * seconds);
    for (let sent = 0; sent < total;) {
      const due = Math.min(total, Math.ceil(((performance.now() - beganMs) / 1000) * rate));
      for (; sent < due; sent++) {
        link.send(rooms[sent % rooms.length] as string, stampedPayload());
        if (sent % FLUSH_EVERY === 0) await link.flush();
      }
      await link.flush();
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    return { messages: total, rate: (total / (performance.now() - beganMs)) * 1000 };
  },
  async closedLoop({ room, outstanding, seconds }: ClosedLoop): Promise<Acknowledged> {
    const link = connected();
    if (link.acknowledged === undefined) throw new Error('publishes are not acknowledged');
    const latencies: number[] = [];
    const beganMs = performance.now();
    const publishOnAndOn = async (): Promise<void> => {
      for (;;) {
        const sentMs = performance.now();
        if (sentMs - beganMs >= seconds * 1000) return;
        await link.acknowledged?.(room, stampedPayload());
        latencies.push(performance.now() - sentMs);
      }
    };
    await Promise.all(Array.from({ length: outstanding }, publishOnAndOn));
    return {
      acks: latencies.length,
      seconds: (performance.now() - beganMs) / 1000,
      latencies: Float64Array.from(latencies).sort(),
    };
  },
  async disconnect(): Promise<void> {
    await publication?.close();
    publication = undefined;
  },
};

/** What the publisher's process can be asked. */
export type PublisherMethods = typeof publisherMethods;

serve(publisherMethods);

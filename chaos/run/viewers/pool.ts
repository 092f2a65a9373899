import { constants } from 'node:http2';
import type { Clock, Timer } from '../../../common/clock.ts';
import type { Address } from '../../../common/units.ts';
import type { ClientFrameInput } from '../../../protos/live.ts';
import { liveService } from '../../../protos/live.ts';
import type { StuckStream } from '../../links/pooling-proxy.ts';
import { PoolingProxy } from '../../links/pooling-proxy.ts';

/** More than the window of a connection takes (RFC 9113: 65,535 bytes). */
const burst = Buffer.alloc(128 * 1024, 'x');

/** How often neighbours look whether they have what they came for, in milliseconds: in an outage they may not get it at once. */
const LOOK_EVERY_MS = 500;

/** What a call of Connect begins with. */
const connectHeaders = {
  ':method': 'POST',
  ':path': liveService.Connect.path,
  'content-type': 'application/grpc',
  te: 'trailers',
};

/** A proxy before a gateway, and the neighbour that is stuck on its connection, if one is. */
interface Way {
  readonly proxy: PoolingProxy;
  neighbour: StuckStream | undefined;
}

/** Several viewers' way to the gateways: before each gateway a proxy that puts their streams on one connection. */
export class Pool {
  readonly #ways: readonly Way[];
  readonly #clock: Clock;
  /** How many ask for neighbours at the moment, and what makes them come as long as somebody does. */
  #asking = 0;
  #timer: Timer | undefined;

  static async open(gateways: readonly Address[], clock: Clock): Promise<Pool> {
    return new Pool(await Promise.all(gateways.map((gateway) => PoolingProxy.listen(gateway))), clock);
  }

  private constructor(proxies: readonly PoolingProxy[], clock: Clock) {
    this.#clock = clock;
    this.#ways = proxies.map((proxy) => ({ proxy, neighbour: undefined }));
  }

  /** In the place of the gateways' own. */
  get addresses(): Address[] {
    return this.#ways.map(({ proxy }) => proxy.address);
  }

  /** Neighbours that are stuck at the moment. */
  get stuck(): number {
    return this.#ways.filter(({ neighbour }) => neighbour !== undefined).length;
  }

  /**
   * On each connection to a gateway comes a neighbour that reads nothing, until the returned function is called. It fills the
   * connection's window with a message of its own, in a room in which nobody else is. Once it has, it stays until the gateway has had
   * enough of it; if it could not, it leaves in the end. One on a connection is enough, whoever asks for it.
   */
  bringNeighbours(room: string): () => void {
    this.#asking += 1;
    this.#timer ??= this.#clock.every(LOOK_EVERY_MS, () => this.#look(room));
    this.#look(room);
    return () => {
      this.#asking -= 1;
      if (this.#asking > 0) return;
      this.#timer?.cancel();
      this.#timer = undefined;
      for (const { neighbour } of this.#ways) {
        if (neighbour !== undefined && !neighbour.holdsAll) neighbour.stream.close(constants.NGHTTP2_CANCEL);
      }
    };
  }

  #look(room: string): void {
    for (const way of this.#ways) {
      const neighbour = way.neighbour ?? this.#bring(way);
      if (!neighbour.holdsAll) say(neighbour, { join: { room, start: { earliest: {} } } }, publishing(room));
    }
  }

  #bring(way: Way): StuckStream {
    const neighbour = way.proxy.openStuck(connectHeaders);
    way.neighbour = neighbour;
    neighbour.stream.on('close', () => (way.neighbour = undefined));
    say(neighbour, { hello: { client: 'chaos neighbour' } });
    return neighbour;
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await Promise.all(this.#ways.map(({ proxy }) => proxy.close()));
  }
}

function publishing(room: string): ClientFrameInput {
  return { publish: { requestId: '1', request: { room, type: 'gift', payload: burst } } };
}

function say({ stream }: StuckStream, ...frames: readonly ClientFrameInput[]): void {
  if (!stream.writable) return;
  for (const frame of frames) stream.write(grpcMessage(frame));
}

/** A frame behind gRPC's prefix. */
function grpcMessage(frame: ClientFrameInput): Buffer {
  const message = liveService.Connect.requestSerialize(frame);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

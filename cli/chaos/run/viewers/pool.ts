import type { ClientHttp2Stream } from 'node:http2';
import type { Address } from '../../../../common/units.ts';
import type { ClientFrameInput } from '../../../../protos/live.ts';
import { liveService } from '../../../../protos/live.ts';
import { PoolingProxy } from '../../links/pooling-proxy.ts';

/** More than the window of a connection takes (RFC 9113: 65,535 bytes). */
const burst = Buffer.alloc(128 * 1024, 'x');

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
  neighbour: ClientHttp2Stream | undefined;
}

/** Several viewers' way to the gateways: before each gateway a proxy that puts their streams on one connection. */
export class Pool {
  private readonly ways: readonly Way[];

  static async open(gateways: readonly Address[]): Promise<Pool> {
    return new Pool(await Promise.all(gateways.map((gateway) => PoolingProxy.listen(gateway))));
  }

  private constructor(proxies: readonly PoolingProxy[]) {
    this.ways = proxies.map((proxy) => ({ proxy, neighbour: undefined }));
  }

  /** In the place of the gateways' own. */
  get addresses(): Address[] {
    return this.ways.map(({ proxy }) => proxy.address);
  }

  /** Neighbours that are stuck at the moment. */
  get stuck(): number {
    return this.ways.filter(({ neighbour }) => neighbour !== undefined).length;
  }

  /**
   * On each connection to a gateway comes a neighbour that reads nothing. It fills the connection's window with a message of its own, to
   * a room in which nobody else is, and stays until the gateway has had enough of it. One on a connection is enough.
   */
  bringNeighbour(room: string): void {
    for (const way of this.ways) {
      if (way.neighbour !== undefined) continue;
      const stream = way.proxy.openStuck(connectHeaders);
      way.neighbour = stream;
      stream.on('close', () => (way.neighbour = undefined));
      for (const frame of neighbourly(room)) stream.write(grpcMessage(frame));
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.ways.map(({ proxy }) => proxy.close()));
  }
}

function neighbourly(room: string): ClientFrameInput[] {
  return [
    { hello: { client: 'chaos neighbour' } },
    { join: { room, start: { earliest: {} } } },
    { publish: { requestId: '1', request: { room, type: 'gift', payload: burst } } },
  ];
}

/** A frame behind gRPC's prefix. */
function grpcMessage(frame: ClientFrameInput): Buffer {
  const message = liveService.Connect.requestSerialize(frame);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

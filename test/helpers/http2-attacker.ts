import type { ClientHttp2Session, ClientHttp2Stream, Settings } from 'node:http2';
import { connect } from 'node:http2';
import { status } from '@grpc/grpc-js';
import { liveService } from '../../protos/live.ts';
import { REASON_METADATA_KEY } from '../../protos/vocabulary.ts';

/** The methods of `live.v1.Live`. */
export type Method = 'Connect' | 'Publish' | 'Pull' | 'GetRoom';

/** How the gateway has ended a call. */
export interface AttackedCall {
  readonly stream: ClientHttp2Stream;
  /** Name of the gRPC status, `RESET` if there was none, undefined as long as it goes on. */
  ended: string | undefined;
  reason: string | undefined;
}

/** A client that is nobody's viewer: one connection, calls with whatever bytes, and nothing of what gRPC does by itself. */
export class Http2Attacker implements Disposable {
  readonly session: ClientHttp2Session;
  readonly calls: AttackedCall[] = [];
  closed = false;

  constructor(address: string, settings: Settings = {}) {
    this.session = connect(`http://${address}`, { settings, maxSessionMemory: 10_000 });
    this.session.on('error', () => undefined);
    this.session.on('close', () => (this.closed = true));
  }

  /** Opens a call and leaves it open. */
  open(method: Method, bytes?: Buffer): AttackedCall {
    const stream = this.session.request(
      {
        ':method': 'POST',
        ':path': liveService[method].path,
        'content-type': 'application/grpc',
        te: 'trailers',
      },
      { endStream: false },
    );
    const call: AttackedCall = { stream, ended: undefined, reason: undefined };
    const told = (headers: Record<string, string | string[] | undefined>): void => {
      const code = headers['grpc-status'];
      if (code === undefined) return;
      call.ended = status[Number(code)];
      call.reason = headers[REASON_METADATA_KEY] as string | undefined;
    };
    stream.on('response', told).on('trailers', told);
    stream.on('error', () => undefined);
    stream.on('close', () => (call.ended ??= 'RESET'));
    if (bytes !== undefined) stream.write(bytes);
    this.calls.push(call);
    return call;
  }

  /** How many calls were ended for a reason. */
  count(reason: string): number {
    return this.calls.filter((call) => call.reason === reason).length;
  }

  [Symbol.dispose](): void {
    this.session.destroy();
  }
}

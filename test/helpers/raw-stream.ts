import type { ChannelOptions, ClientDuplexStream, ServiceError, StatusObject } from '@grpc/grpc-js';
import { credentials, status } from '@grpc/grpc-js';
import type { HelloInput } from '../../protos/gen/live/v1/Hello.ts';
import type { PublishRequestInput } from '../../protos/gen/live/v1/PublishRequest.ts';
import type { PublishResponse } from '../../protos/gen/live/v1/PublishResponse.ts';
import type { PublishResult } from '../../protos/gen/live/v1/PublishResult.ts';
import type { ClientFrameInput, ServerFrame } from '../../protos/live.ts';
import { LiveStub, liveService } from '../../protos/live.ts';
import { REASON_METADATA_KEY } from '../../protos/vocabulary.ts';
import { until } from './poll.ts';

/** How a call has ended. */
export interface CallEnd {
  /** Name of the gRPC status. */
  readonly code: string;
  /** The `live-reason` of the trailing metadata. */
  readonly reason: string | undefined;
  readonly details: string;
}

/** A stub on a connection of its own. */
export function rawStub(address: string, options: ChannelOptions = {}): InstanceType<typeof LiveStub> {
  return new LiveStub(address, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
    ...options,
  });
}

/** The status and reason of a call that was refused. */
export function endOf({ code, details, metadata }: StatusObject | ServiceError): CallEnd {
  const [reason] = metadata.get(REASON_METADATA_KEY);
  return { code: status[code], reason: reason?.toString(), details };
}

/** How a short Publish has ended: with a result if the code is OK. */
export type PublishEnd = CallEnd & { readonly result: PublishResponse | undefined };

/** Publishes one message through the short call, on a connection of its own. */
export function rawPublish(address: string, request: PublishRequestInput): Promise<PublishEnd> {
  const stub = rawStub(address);
  return new Promise((resolve) => {
    stub.publish(request, (error, result) => {
      stub.close();
      const end = error ? endOf(error) : { code: 'OK', reason: undefined, details: '' };
      resolve({ ...end, result });
    });
  });
}

/** A `Connect` call without a client library: sends any bytes, in any order, and keeps what comes back. */
export class RawStream implements Disposable {
  readonly frames: ServerFrame[] = [];
  readonly call: ClientDuplexStream<Buffer, ServerFrame>;
  readonly #stub: InstanceType<typeof LiveStub>;
  #end: CallEnd | undefined;

  constructor(address: string, options: ChannelOptions = {}) {
    this.#stub = rawStub(address, options);
    this.call = this.#stub.makeBidiStreamRequest<Buffer, ServerFrame>(
      liveService.Connect.path,
      (bytes) => bytes,
      (bytes) => liveService.Connect.responseDeserialize(bytes),
    );
    this.call.on('data', (frame: ServerFrame) => this.frames.push(frame));
    this.call.on('error', () => undefined);
    this.call.on('status', (ended: StatusObject) => (this.#end = endOf(ended)));
  }

  /** Says Hello. */
  static hello(address: string, hello: HelloInput = { client: 'raw' }): RawStream {
    const stream = new RawStream(address);
    stream.send({ hello });
    return stream;
  }

  send(...frames: ClientFrameInput[]): void {
    for (const frame of frames) this.bytes(liveService.Connect.requestSerialize(frame));
  }

  bytes(message: Buffer): void {
    this.call.write(message);
  }

  /** The results of publishes so far. */
  get results(): PublishResult[] {
    return this.all('publishResults').flatMap(({ results }) => results);
  }

  /** Waits for the first result. */
  async result(): Promise<PublishResult> {
    const { results } = await this.next('publishResults');
    return results[0] as PublishResult;
  }

  /** Payloads of the reliable messages so far, as text. Batches may also have ephemeral ones only. */
  get reliable(): string[] {
    return this.all('batch').flatMap(({ reliable }) => reliable.map(({ payload }) => payload.toString()));
  }

  /** All frames of a kind so far. */
  all<Kind extends keyof ServerFrame>(kind: Kind): NonNullable<ServerFrame[Kind]>[] {
    return this.frames.flatMap((frame) => (frame[kind] ? [frame[kind]] : []));
  }

  /** Waits for the `nth` frame of a kind, from 1. */
  next<Kind extends keyof ServerFrame>(kind: Kind, nth = 1): Promise<NonNullable<ServerFrame[Kind]>> {
    return until(`${kind} number ${nth} comes`, () => this.all(kind)[nth - 1]);
  }

  /** How the call ended, if it has. */
  get ended(): CallEnd | undefined {
    return this.#end;
  }

  /** Waits for the end of the call. */
  end(): Promise<CallEnd> {
    return until('the call ends', () => this.#end);
  }

  /** Cancels the call and closes the connection. */
  close(): void {
    this.call.cancel();
    this.#stub.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

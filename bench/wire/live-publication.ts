import { liveService } from '../../protos/live.ts';
import type { ServerFrame } from '../../protos/live.ts';
import type { Publication } from '../peers/peer.ts';
import { RawConnection } from './connection.ts';
import { GrpcMessages } from './grpc-messages.ts';
import { Http2Call } from './http2.ts';
import { CONNECT_PATH, encodeClientFrame } from './live-counter.ts';

const TYPE = 'gift';

/** Publishes reliable messages through the gateway, on one Connect stream. */
export async function livePublication(port: number): Promise<Publication> {
  const waiting = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();
  let lastId = 0;
  let call: Http2Call | undefined;
  const hear = (frame: ServerFrame, ready: () => void): void => {
    if (frame.frame === 'welcome') ready();
    const result = frame.publishResult;
    if (result === null || result === undefined) return;
    const publish = waiting.get(result.requestId);
    waiting.delete(result.requestId);
    if (result.code === 0) publish?.resolve();
    else publish?.reject(new Error(`${result.reason}: ${result.message}`));
  };
  const connection = new RawConnection({
    port,
    room: '',
    tally: { messages: 0, bytes: 0, ages: [] },
    timed: false,
    lost: (reason) => waiting.forEach(({ reject }) => reject(new Error(reason))),
    make: (context) => {
      const messages = new GrpcMessages((message) =>
        hear(liveService.Connect.responseDeserialize(message), () => context.ready()),
      );
      const opened = new Http2Call(CONNECT_PATH, context.authority, {
        send: (bytes) => context.send(bytes),
        fail: (reason) => context.fail(reason),
        data: (bytes, start, end) => messages.receive(bytes, start, end),
      });
      call = opened;
      return {
        greet() {
          opened.open();
          opened.write([encodeClientFrame({ hello: { client: 'bench' } })]);
        },
        receive: (bytes, start, end) => opened.receive(bytes, start, end),
      };
    },
  });
  await connection.ready;
  let frames: Buffer[] = [];
  const flush = (): void => {
    if (frames.length > 0) call?.write(frames);
    frames = [];
  };
  const add = (room: string, payload: string): string => {
    const requestId = String(++lastId);
    const message = { room, type: TYPE, payload: Buffer.from(payload, 'latin1') };
    if (frames.length === 0) setImmediate(flush);
    frames.push(encodeClientFrame({ publish: { requestId, message } }));
    return requestId;
  };
  return {
    send: (room, payload) => void add(room, payload),
    flush,
    acknowledged: (room, payload) =>
      new Promise((resolve, reject) => waiting.set(add(room, payload), { resolve, reject })),
    close: () => connection.drop(),
  };
}

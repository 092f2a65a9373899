import type { MakeReceiver } from '../wire/receiver.ts';
import type { Publication } from './peer.ts';
import { rawPublication } from './raw-publication.ts';

/** Requests follow each other on one connection without waiting for the answers. */
const ignoreAnswers: MakeReceiver = (context) => ({
  greet: () => context.ready(),
  receive: (_bytes, _start, end) => end,
});

/** Publishes with HTTP POST requests, pipelined over one connection that is kept alive. */
export function httpPublication(
  port: number,
  request: (room: string, payload: string) => { readonly path: string; readonly body: string },
): Promise<Publication> {
  return rawPublication(port, ignoreAnswers, (room, payload) => {
    const { path, body } = request(room, payload);
    return Buffer.from(
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${body.length}\r\n\r\n${body}`,
      'latin1',
    );
  });
}

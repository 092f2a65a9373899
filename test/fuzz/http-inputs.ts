import type { Random } from '../../common/random.ts';
import { Chance } from './chance.ts';
import { connectCall, publishRequest } from './http-bodies.ts';
import { bearer, oddRequest, PATHS, requestBytes, smuggling } from './http-requests.ts';
import type { Input } from './input.ts';
import { oddToken } from './spoken.ts';
import { flood, handshake, oddFrames, oddHandshake, oddMessages } from './web-socket-inputs.ts';

/** What is known of a gateway that is attacked. */
export interface Known {
  /** One that the gateway takes. */
  readonly token: string;
  /** A cursor in the room `tea`, as text. */
  readonly cursor: string;
}

/** Makes what broken and hostile clients send over HTTP/1.1 and WebSocket; the same source of numbers makes the same. */
export class HttpInputs {
  readonly #chance: Chance;
  readonly #known: Known;

  constructor(random: Random, known: Known) {
    this.#chance = new Chance(random);
    this.#known = known;
  }

  next(): Input {
    const [chance, { token }] = [this.#chance, this.#known];
    const kinds: Record<string, () => Omit<Input, 'kind'>> = {
      bytes: () => ({ pieces: [chance.bytes(4_000)] }),
      requests: () => ({ pieces: chance.several(4, () => oddRequest(chance, token)) }),
      smuggling: () => ({ pieces: chance.several(2, () => smuggling(chance, token)) }),
      pipelined: () => ({ pieces: [this.#pipelined()] }),
      slow: () => this.#slow(),
      'publishes of JSON': () => ({ pieces: publishRequest(chance, token) }),
      'calls of Connect': () => ({ pieces: connectCall(chance, token) }),
      events: () => ({ pieces: [this.#events(token)] }),
      'what nobody takes': () => ({ pieces: [this.#unread()], deaf: true }),
      tokens: () => ({ pieces: [this.#withToken(oddToken(chance, token))] }),
      handshakes: () => ({ pieces: oddHandshake(chance, token) }),
      'frames of WebSocket': () => ({ pieces: oddFrames(chance, token) }),
      'client frames': () => ({ pieces: oddMessages(chance, token) }),
      'floods of frames': () => ({ pieces: flood(chance, token) }),
    };
    const kind = chance.pick(Object.keys(kinds));
    return { kind, ...(kinds[kind] as () => Omit<Input, 'kind'>)() };
  }

  /** Many requests without waiting, of which some are no requests. */
  #pipelined(): Buffer {
    const [chance, { token }] = [this.#chance, this.#known];
    const path = chance.pick(PATHS);
    const one = requestBytes({ path, headers: [bearer(token)] });
    const others = chance.several(3, () =>
      chance.happens(0.3) ? handshake(token) : oddRequest(chance, token),
    );
    return Buffer.concat([...Array<Buffer>(chance.below(300)).fill(one), ...others, one]);
  }

  /** Little by little, and never to its end. */
  #slow(): Omit<Input, 'kind'> {
    const [chance, { token }] = [this.#chance, this.#known];
    const whole = chance.happens(0.5) ? handshake(token) : oddRequest(chance, token);
    const pieces = Array.from({ length: 10 }, (_, n) => whole.subarray(20 * n, 20 * (n + 1)));
    return { pieces, pauseMs: chance.below(30) };
  }

  #events(token: string): Buffer {
    const chance = this.#chance;
    const cursor = chance.happens(0.7) ? chance.mutateText(this.#known.cursor) : this.#known.cursor;
    const place = chance.pick([
      `?cursor=${cursor}`,
      '?from=earliest',
      '?from=last:99999999999',
      '?from=',
      '',
    ]);
    return requestBytes({
      path: `/v1/rooms/tea/events${place}`,
      headers: [
        bearer(token),
        ...(chance.happens(0.7) ? [`Last-Event-ID: ${cursor}`] : []),
        ...(chance.happens(0.5) ? ['Accept: text/event-stream'] : []),
      ],
    });
  }

  /** Who asks for much, and reads none of it. */
  #unread(): Buffer {
    const path = this.#chance.pick([
      '/v1/rooms/full/events?from=earliest',
      '/v1/rooms/full/messages?limit=1000',
    ]);
    return requestBytes({ path, headers: [bearer(this.#known.token)] });
  }

  #withToken(token: string): Buffer {
    const ways = [
      () => requestBytes({ path: '/v1/rooms/tea/messages', headers: [bearer(token)] }),
      () => requestBytes({ path: `/v1/rooms/tea/events?token=${token}` }),
      () => handshake(token),
    ];
    return this.#chance.pick(ways)();
  }
}

import type { Receiver, ReceiverContext } from './receiver.ts';

const PACKET = { connect: 0x10, connack: 0x20, publish: 0x30, subscribe: 0x82, suback: 0x90 } as const;
const PROTOCOL_LEVEL_311 = 4;
const CLEAN_SESSION = 2;

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >>> 8, bytes.length & 0xff]), bytes]);
}

function packet(type: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length: number[] = [];
  for (let rest = body.length; ; rest >>>= 7) {
    length.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
    if (rest <= 0x7f) break;
  }
  return Buffer.concat([Buffer.from([type, ...length]), body]);
}

/** Opens an MQTT 3.1.1 session without keepalive; the server chooses the client's name. */
const connectPacket = (): Buffer =>
  packet(PACKET.connect, text('MQTT'), Buffer.from([PROTOCOL_LEVEL_311, CLEAN_SESSION, 0, 0]), text(''));

/** A message with QoS 0. */
export const publishPacket = (topic: string, payload: Buffer): Buffer =>
  packet(PACKET.publish, text(topic), payload);

const subscribePacket = (topic: string): Buffer =>
  packet(PACKET.subscribe, Buffer.from([0, 1]), text(topic), Buffer.from([0]));

/** Subscribes with QoS 0 and counts PUBLISH packets by hopping from length to length. */
export class MqttCounter implements Receiver {
  readonly #context: ReceiverContext;
  #skip = 0;

  constructor(context: ReceiverContext) {
    this.#context = context;
  }

  greet(): void {
    this.#context.send(connectPacket());
  }

  receive(bytes: Buffer, start: number, end: number): number {
    let messages = 0;
    let at = start;
    while (at < end) {
      if (this.#skip > 0) {
        const upto = Math.min(at + this.#skip, end);
        this.#skip -= upto - at;
        at = upto;
        continue;
      }
      let length = 0;
      let body = at + 1;
      let more = true;
      for (let scale = 1; more && body < end; scale *= 0x80) {
        const byte = bytes[body++] as number;
        length += (byte & 0x7f) * scale;
        more = byte >= 0x80;
      }
      if (more) break;
      const type = (bytes[at] as number) & 0xf0;
      if (type === PACKET.publish) messages++;
      else if (type === PACKET.connack) this.#context.send(subscribePacket(this.#context.room));
      else if (type === PACKET.suback) this.#context.ready();
      this.#skip = length;
      at = body;
    }
    if (messages > 0) this.#context.count(messages);
    return at;
  }
}

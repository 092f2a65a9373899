import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { ProxyKind, Replacements } from '../helpers/documented-proxy.ts';
import { until } from '../helpers/poll.ts';
import { postJson } from '../helpers/post-json.ts';
import { ProxyRig } from '../helpers/proxy-rig.ts';

const MESSAGE = { type: 'gift', payload: 'rose' };

/** What passes requests on to an address, and loses the connection in place of the first answer that has a sequence. */
class LosesAnAnswer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  lost = 0;

  constructor(to: () => string, losing: () => boolean) {
    this.#server = createServer((client) => {
      const [host, port] = to().split(':');
      const gateway = connect(Number(port), host);
      this.#sockets.add(client);
      client.pipe(gateway);
      gateway.on('data', (bytes: Buffer) => {
        if (!bytes.includes('"seq"') || !losing()) return client.write(bytes);
        this.lost++;
        client.destroy();
        return gateway.destroy();
      });
      for (const [one, other] of [
        [client, gateway],
        [gateway, client],
      ] as const)
        one.on('close', () => other.destroy()).on('error', () => undefined);
    });
  }

  async listen(): Promise<string> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server.close(), 'close');
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/**
 * Tests that what is published by JSON is stored once when the answer is lost between a gateway and the proxy.
 * @param repeating changes by which the proxy sends the request again by itself, to the other gateway
 */
export function itStoresOnce(kind: ProxyKind, repeating: Replacements): void {
  for (const [title, changes] of [
    ['sent again by its publisher', {}],
    ['sent again by the proxy, to the other gateway', repeating],
  ] as const)
    it(`a message by JSON whose answer was lost is stored once, with a key, though it is ${title}`, async () => {
      await using rig = await ProxyRig.start();
      let lost = 0;
      const losing = (): boolean => lost++ === 0;
      const relays = rig.addresses.map(({ web }) => new LosesAnAnswer(() => web, losing));
      const [first, second] = await Promise.all(relays.map((relay) => relay.listen()));
      const [one, two] = rig.addresses;
      const proxy = await rig.proxy(kind, changes, [
        { ...one, web: first as string },
        { ...two, web: second as string },
      ]);
      try {
        const headers = { 'idempotency-key': randomUUID() };
        const publish = () =>
          postJson(`${proxy.endpoint}/v1/rooms/tea/messages`, MESSAGE, { ca: rig.ca, headers });
        let answer = await publish();
        assert.equal(relays[0]!.lost + relays[1]!.lost, 1, 'an answer was lost');
        if (changes === repeating) assert.equal(answer.status, 200, 'the proxy has sent it again');
        else {
          assert.ok([502, 503, 504].includes(answer.status), `the proxy has not: ${answer.status}`);
          answer = await publish();
        }
        assert.deepEqual(answer.body, { seq: 1, duplicate: true });
        const events = rig.eventViewer(proxy, '?from=earliest');
        await events.next('caught-up');
        await until('it is there', () => events.payloads.length > 0);
        assert.deepEqual(events.payloads, ['rose']);
        events.close();
      } finally {
        for (const relay of relays) await relay[Symbol.asyncDispose]();
      }
    });
}

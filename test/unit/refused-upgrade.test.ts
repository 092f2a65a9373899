import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { refusalOf } from '../../client/transports/node/refused-upgrade.ts';

describe('why a WebSocket was not granted', () => {
  /** What is told of an answer. */
  async function told(answer: RequestListener): Promise<string> {
    const server = createServer(answer);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    try {
      const asked = get({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, agent: false });
      const [response] = (await once(asked, 'response')) as [IncomingMessage];
      return await refusalOf(response);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  const problem = { 'content-type': 'application/problem+json' };
  const inBetween = /^HTTP 403 in place of a WebSocket: something between here and the gateway/;

  it('is told in the words of a gateway', async () => {
    const text = await told((_, response) => response.writeHead(503, problem).end('{"detail":"no more"}'));
    assert.equal(text, 'HTTP 503: no more');
  });

  for (const [what, headers, body] of [
    ['speaks of its own errors, as JSON', { 'content-type': 'application/json' }, '{"detail":"Forbidden"}'],
    ['writes no JSON in it', problem, 'Forbidden'],
    ['says nothing in it', problem, '{}'],
  ] as const)
    it(`is not told in those of somebody else, who ${what}`, async () => {
      assert.match(await told((_, response) => response.writeHead(403, headers).end(body)), inBetween);
    });

  it('is told, too, where the answer has no end, or breaks off', async () => {
    let sent = 0;
    const text = await told((_, response) => {
      const more = (): void => {
        sent += 10_000;
        response.write(' '.repeat(10_000), more);
      };
      response.writeHead(403, problem).on('error', () => undefined);
      more();
    });
    assert.match(text, inBetween);
    assert.ok(sent < 50_000_000, `it has read ${sent} bytes, or what of them no socket holds`);
    const broken = await told((_, response) =>
      response.writeHead(403, problem).write('{', () => response.destroy()),
    );
    assert.match(broken, inBetween);
  });
});

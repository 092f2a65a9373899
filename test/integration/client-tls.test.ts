import assert from 'node:assert/strict';
import type { LiveClient, LiveClientOptions } from '../../client/index.ts';
import { credentials } from '@grpc/grpc-js';
import { LiveError } from '../../client/index.ts';
import type { Identity } from '../helpers/certificates.ts';
import { Authority } from '../helpers/certificates.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

describe('LiveClient by TLS', () => {
  let nats: TestNats;
  let directory: TempDir;
  let authority: Authority;
  let client: Identity;
  let open: TestGateway;
  let secured: TestGateway;
  let mutual: TestGateway;
  let named: TestGateway;

  before(async () => {
    nats = await startNats();
    directory = await tempDir();
    authority = await Authority.create(directory.path);
    const [own, other] = await Promise.all([authority.issue(), authority.issue('DNS:gw.example.org')]);
    client = await authority.issue('DNS:viewer');
    const files = { tlsCert: own.certFile, tlsKey: own.keyFile };
    open = await startTestGateway(nats.url);
    secured = await startTestGateway(nats.url, files);
    mutual = await startTestGateway(nats.url, { ...files, tlsClientCa: authority.caFile });
    named = await startTestGateway(nats.url, { tlsCert: other.certFile, tlsKey: other.keyFile });
  });

  after(async () => {
    await Promise.all([open, secured, mutual, named].map((gateway) => gateway.close()));
    await nats.stop();
    await directory[Symbol.asyncDispose]();
  });

  const at = (endpoints: readonly string[], options: Partial<LiveClientOptions> = {}): LiveClient =>
    open.client({ endpoints, ...options });

  /** It can do everything: a stream, a short call, a stream of answers. */
  async function works(viewer: LiveClient): Promise<void> {
    const joined = await viewer.join('r')[Symbol.asyncIterator]().next();
    assert.equal(joined.value?.kind, 'joined');
    await viewer.publish('r', { type: 'gift', payload: 'rose' });
    await viewer.room('r');
    for await (const event of viewer.pull('r', { limit: 1 })) if (event.kind === 'message') return;
    assert.fail('nothing was pulled');
  }

  const fails = (viewer: LiveClient, why: RegExp): Promise<void> => assert.rejects(viewer.room('r'), why);

  it('with an authority, for host:port and for https://', async () => {
    const tls = { ca: authority.ca };
    await works(at([secured.address], { tls }));
    await works(at([`https://${secured.address}`], { tls: { ca: Buffer.from(authority.ca) } }));
    await works(at([`https://${secured.address.replace('127.0.0.1', 'localhost')}/`], { tls }));
    await works(
      at([`https://${secured.address}`], { credentials: credentials.createSsl(Buffer.from(authority.ca)) }),
    );
  });

  it('not without: an authority that is not known, another name, no TLS there', async () => {
    await fails(at([secured.address], { tls: true }), /unable to verify|unable to get|self-signed/);
    await fails(at([`https://${secured.address}`]), /unable to verify|unable to get|self-signed/);
    const tls = { ca: authority.ca };
    await fails(at([named.address], { tls }), /IP: 127\.0\.0\.1 is not in the cert's list/);
    await fails(at([secured.address], { tls: { ...tls, serverName: 'gw.example.org' } }), /gw\.example\.org/);
    await fails(at([open.address], { tls }), /wrong version number|packet length too long|ECONNRESET|closed/);
  });

  it('with the name that the gateway has in its certificate', () =>
    works(at([named.address], { tls: { ca: authority.ca, serverName: 'gw.example.org' } })));

  it('never in plaintext where https:// is written, whatever the credentials', () =>
    fails(at([`https://${open.address}`], { credentials: credentials.createInsecure() }), /./));

  it('with a certificate of its own', async () => {
    const { cert, key } = client;
    await works(at([mutual.address], { tls: { ca: authority.ca, cert, key } }));
    await fails(at([mutual.address], { tls: { ca: authority.ca } }), /./);
  });

  it('and without, each endpoint as it says', async () => {
    const both = [`http://${open.address}`, `https://${secured.address}`];
    for (const endpoint of both) await works(at([endpoint], { tls: { ca: authority.ca } }));
  });

  it('leaves nothing behind when it is closed in the midst of a handshake or a stream', async () => {
    const before = secured.stats.connections;
    for (let n = 0; n < 20; n++) {
      const viewer = at([secured.address], { tls: { ca: authority.ca } });
      const joining = viewer.join('r')[Symbol.asyncIterator]().next();
      joining.catch(() => undefined);
      if (n % 2 === 0) await joining;
      await viewer.close();
    }
    await until('no connection is left', () => secured.stats.connections === before);
  });

  it('says which option makes no sense', () => {
    const refused = (options: Partial<LiveClientOptions>, word: RegExp): void => {
      assert.throws(
        () => at([secured.address], options),
        (error) => error instanceof LiveError && word.test(error.message),
      );
    };
    refused({ tls: true, credentials: credentials.createInsecure() }, /tls or credentials/);
    refused({ tls: { cert: client.cert } }, /tls\.key/);
    refused({ tls: { ca: authority.ca, cert: 'x', key: 'y' } }, /tls cannot be used/);
    for (const endpoint of ['ftp://a:1', 'https://', 'https://a:99999', 'https://a/path', 'https://u@a'])
      refused({ endpoints: [endpoint] }, /endpoints has to be/);
  });
});

import assert from 'node:assert/strict';
import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConnectionFlags } from '../../cli/connection/connection.ts';
import { connectionOf } from '../../cli/connection/connection.ts';
import { Contexts } from '../../cli/connection/contexts.ts';
import { UsageError } from '../../common/errors.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

describe('how live-cli reaches gateways', () => {
  let directory: TempDir;
  let env: NodeJS.ProcessEnv;
  let contexts: Contexts;
  let ca: string;

  beforeEach(async () => {
    directory = await tempDir();
    env = { XDG_CONFIG_HOME: directory.path };
    contexts = new Contexts(env);
    ca = join(directory.path, 'ca.crt');
    await writeFile(ca, 'authorities');
  });

  afterEach(() => directory[Symbol.asyncDispose]());

  const endpointsOf = (flags: ConnectionFlags, more: NodeJS.ProcessEnv = {}): readonly string[] =>
    connectionOf(flags, { ...env, ...more }).endpoints;

  it('a flag goes before a variable, that before the context, that before what goes without saying', () => {
    contexts.save('c', { server: 'context:1' });
    assert.deepEqual(endpointsOf({}), ['127.0.0.1:50051']);
    assert.deepEqual(endpointsOf({ context: 'c' }), ['context:1']);
    assert.deepEqual(endpointsOf({}, { LIVE_CONTEXT: 'c' }), ['context:1']);
    contexts.select('c');
    assert.deepEqual(endpointsOf({}, { LIVE_SERVER: '' }), ['context:1']);
    assert.deepEqual(endpointsOf({}, { LIVE_SERVER: 'variable:1' }), ['variable:1']);
    assert.deepEqual(endpointsOf({ server: 'flag:1' }, { LIVE_SERVER: 'variable:1' }), ['flag:1']);
    contexts.save('d', { server: 'other:1' });
    assert.deepEqual(endpointsOf({ context: 'd' }, { LIVE_CONTEXT: 'c' }), ['other:1']);
  });

  it('TLS goes without saying where there is something to say of it', () => {
    assert.equal(connectionOf({}, env).tls, false);
    assert.equal(connectionOf({ tls: 'true' }, env).tls, true);
    assert.deepEqual(connectionOf({ ca }, env).tls, { ca: Buffer.from('authorities') });
    assert.equal(connectionOf({}, { ...env, LIVE_TLS: 'true' }).tls, true);
    const servers = 'a:1,https://b:2';
    const without = connectionOf({ server: servers, ca }, { ...env, LIVE_TLS: 'false' });
    assert.deepEqual(without.endpoints, ['http://a:1', 'https://b:2']);
    contexts.save('c', { server: 'a:1', ca, tls: 'true' });
    assert.deepEqual(connectionOf({ context: 'c' }, env).tls, { ca: Buffer.from('authorities') });
  });

  it('says what makes no sense, and where it comes from', async () => {
    const refused = (flags: ConnectionFlags, more: NodeJS.ProcessEnv, words: RegExp): void =>
      assert.throws(
        () => connectionOf(flags, { ...env, ...more }),
        (error) => error instanceof UsageError && words.test(error.message),
      );
    refused({}, { LIVE_SERVER: 'a' }, /LIVE_SERVER: "a" is not host:port/);
    refused({}, { LIVE_TLS: 'yes' }, /LIVE_TLS: .*true or false/);
    refused({ context: 'none' }, {}, /no context none/);
    refused({ context: '../c' }, {}, /the name of a context/);
    refused({ cert: ca }, {}, /--cert and --cert-key/);
    refused({ ca: join(directory.path, 'no.crt') }, {}, /--ca .*no\.crt: ENOENT/);
    contexts.save('c', { server: 'a' });
    refused({ context: 'c' }, {}, /context c: server: "a" is not host:port/);
    const folder = join(directory.path, 'live-gateway', 'contexts');
    await writeFile(join(folder, 'broken.json'), '{');
    refused({ context: 'broken' }, {}, /broken\.json: /);
    await writeFile(join(folder, 'strange.json'), '{"servers":"a:1"}');
    refused({ context: 'strange' }, {}, /strange\.json: "servers" is none of server, /);
  });

  it('contexts are for their owner, also those that were open before', async () => {
    const folder = join(directory.path, 'live-gateway', 'contexts');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'c.json'), '{}');
    await chmod(join(folder, 'c.json'), 0o644);
    contexts.save('c', { server: 'a:1' });
    assert.equal((await stat(join(folder, 'c.json'))).mode & 0o777, 0o600);
    assert.deepEqual(contexts.names, ['c']);
  });

  it('a context that is removed is no longer selected', () => {
    contexts.save('c', {});
    contexts.select('c');
    assert.equal(contexts.selected, 'c');
    contexts.remove('c');
    assert.equal(contexts.selected, undefined);
    assert.throws(() => contexts.remove('c'), /no context c/);
    assert.throws(() => contexts.select('c'), /no context c/);
  });
});

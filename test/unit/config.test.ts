import assert from 'node:assert/strict';
import { VERSION } from '../../common/node/version.ts';
import type { ServerConfig } from '../../server/config/config.ts';
import { ConfigError, defaultConfig, environmentName, parseConfig } from '../../server/config/config.ts';
import type { SettingName } from '../../server/config/settings.ts';
import { SETTINGS } from '../../server/config/settings.ts';

describe('configuration', () => {
  it('has a default for everything that is not optional', () => {
    assert.deepEqual(configOf(''), {
      listen: { host: '127.0.0.1', port: 50051 },
      insecure: false,
      jwtLeewayMs: 30_000,
      tokenGraceMs: 30_000,
      dataDir: './.live-gateway',
      stream: 'LIVE',
      subjectPrefix: 'live',
      replicas: 1,
      maxAgeMs: 86_400_000,
      maxBytes: 2 ** 30,
      heartbeatMs: 5_000,
      slowConsumerTimeoutMs: 30_000,
      drainMs: 10_000,
      proxyProtocol: false,
      rebalancePercent: 5,
      workers: 1,
      roomLogBytes: 32 * 2 ** 20,
      logBytes: 256 * 2 ** 20,
      maxConnections: Infinity,
      maxConnectionsPerAddress: Infinity,
      controlFrames: 1_000,
      suspectConnections: 10,
      maxStreams: 1_000,
      idleTimeoutMs: 60_000,
      refusalRate: 20,
      joinRate: 20,
      readRate: 20,
      publishRate: 1_000,
      userEphemeralRate: Infinity,
      roomState: false,
      lingeringRooms: 1_000,
      receiveBytes: 64 * 2 ** 20,
      eventsLifetimeMs: 300_000,
      frameTimeoutMs: 30_000,
      ephemeralRate: 1_000,
      logLevel: 'info',
      namespaces: [],
    });
  });

  const values: Record<SettingName, readonly [text: string, value: ServerConfig[SettingName]]> = {
    listen: ['[::1]:0', { host: '::1', port: 0 }],
    insecure: ['true', true],
    jwtSecretFile: ['/etc/secret', '/etc/secret'],
    jwtPublicKey: ['/etc/key.pem', '/etc/key.pem'],
    jwksUrl: ['https://issuer.example/keys', 'https://issuer.example/keys'],
    jwtIssuer: ['issuer', 'issuer'],
    jwtAudience: ['gateway', 'gateway'],
    jwtLeewayMs: ['5s', 5_000],
    tokenGraceMs: ['0s', 0],
    tlsCert: ['/etc/tls/tls.crt', '/etc/tls/tls.crt'],
    tlsKey: ['/etc/tls/tls.key', '/etc/tls/tls.key'],
    trustedProxies: [
      '10.0.0.0/8, 2001:DB8::1',
      [
        { address: '10.0.0.0', prefix: 8, family: 'ipv4' },
        { address: '2001:db8::1', prefix: 128, family: 'ipv6' },
      ],
    ],
    proxyProtocol: ['true', true],
    tlsClientCa: ['/etc/tls/ca.crt', '/etc/tls/ca.crt'],
    nats: ['nats://a:4222, b:4223', ['nats://a:4222', 'b:4223']],
    natsUser: ['gw', 'gw'],
    natsPasswordFile: ['/run/password', '/run/password'],
    natsTokenFile: ['/run/token', '/run/token'],
    natsNkey: ['/run/seed', '/run/seed'],
    natsCreds: ['/run/gw.creds', '/run/gw.creds'],
    natsCa: ['/run/ca.pem', '/run/ca.pem'],
    natsCert: ['/run/gw.pem', '/run/gw.pem'],
    natsKey: ['/run/gw.key', '/run/gw.key'],
    natsServer: ['/opt/nats-server', '/opt/nats-server'],
    dataDir: ['/var/lib/live', '/var/lib/live'],
    stream: ['ROOMS', 'ROOMS'],
    subjectPrefix: ['tenant-1', 'tenant-1'],
    jsDomain: ['hub', 'hub'],
    replicas: ['3', 3],
    maxAgeMs: ['7d', 604_800_000],
    maxBytes: ['10GiB', 10 * 2 ** 30],
    heartbeatMs: ['250ms', 250],
    slowConsumerTimeoutMs: ['1m', 60_000],
    drainMs: ['0s', 0],
    rebalancePercent: ['0', 0],
    advertise: ['gw-1.example.org:443', { host: 'gw-1.example.org', port: 443 }],
    workers: ['2', 2],
    roomLogBytes: ['1MiB', 2 ** 20],
    logBytes: ['64MiB', 2 ** 26],
    maxConnections: ['5000', 5_000],
    maxConnectionsPerAddress: ['100', 100],
    controlFrames: ['50', 50],
    suspectConnections: ['3', 3],
    maxStreams: ['100', 100],
    idleTimeoutMs: ['10m', 600_000],
    refusalRate: ['9', 9],
    joinRate: ['5', 5],
    readRate: ['7', 7],
    publishRate: ['unlimited', Infinity],
    auditLog: ['/var/log/live-audit.log', '/var/log/live-audit.log'],
    userEphemeralRate: ['30', 30],
    roomState: ['true', true],
    lingeringRooms: ['0', 0],
    receiveBytes: ['100MiB', 100 * 2 ** 20],
    frameTimeoutMs: ['1m', 60_000],
    ephemeralRate: ['250', 250],
    http: ['127.0.0.1:8080', { host: '127.0.0.1', port: 8_080 }],
    httpOrigins: ['https://a.example, http://b:3000,*', ['https://a.example', 'http://b:3000', '*']],
    eventsLifetimeMs: ['10m', 600_000],
    demo: ['false', false],
    metrics: ['127.0.0.1:9464', { host: '127.0.0.1', port: 9464 }],
    httpMetrics: [
      '10.0.0.0/8,::1',
      [
        { address: '10.0.0.0', prefix: 8, family: 'ipv4' },
        { address: '::1', prefix: 128, family: 'ipv6' },
      ],
    ],
    logLevel: ['silent', 'silent'],
  };
  const nats = { LIVE_NATS: 'a:1' };
  /** What a setting makes no sense without. */
  const ALONG_WITH: Partial<Record<SettingName, NodeJS.ProcessEnv>> = {
    replicas: nats,
    jwtIssuer: { LIVE_JWT_SECRET_FILE: '/etc/secret' },
    jwtAudience: { LIVE_JWT_SECRET_FILE: '/etc/secret' },
    tlsCert: { LIVE_TLS_KEY: 'k' },
    tlsKey: { LIVE_TLS_CERT: 'c' },
    tlsClientCa: { LIVE_TLS_KEY: 'k', LIVE_TLS_CERT: 'c' },
    httpMetrics: { LIVE_HTTP: '127.0.0.1:8080' },
    proxyProtocol: { LIVE_TRUSTED_PROXIES: '10.0.0.1' },
    natsUser: { ...nats, LIVE_NATS_PASSWORD_FILE: 'p' },
    natsPasswordFile: { ...nats, LIVE_NATS_USER: 'u' },
    natsTokenFile: nats,
    natsNkey: nats,
    natsCreds: nats,
    natsCa: nats,
    natsCert: { ...nats, LIVE_NATS_KEY: 'k' },
    natsKey: { ...nats, LIVE_NATS_CERT: 'c' },
  };
  for (const [name, [text, value]] of Object.entries(values) as [SettingName, readonly [string, unknown]][]) {
    const setting = SETTINGS[name];
    const needed = ALONG_WITH[name] ?? {};

    it(`reads --${setting.flag} and ${environmentName(setting)}`, () => {
      const flag = 'placeholder' in setting ? [`--${setting.flag}`, text] : [`--${setting.flag}`];
      assert.deepEqual(configOf(flag, needed)[name], value);
      assert.deepEqual(configOf('', { ...needed, [environmentName(setting)]: text })[name], value);
    });
  }

  it('prefers the flag to the environment, and the environment to the default', () => {
    const env = { LIVE_HEARTBEAT: '2s', LIVE_DRAIN: '2s', LIVE_STREAM: '' };
    const config = configOf('--heartbeat 1s', env);
    assert.deepEqual([config.heartbeatMs, config.drainMs, config.stream], [1_000, 2_000, 'LIVE']);
  });

  it('reads an ephemeral rate without bound', () => {
    assert.equal(configOf('--ephemeral-rate unlimited').ephemeralRate, Infinity);
  });

  it('ignores a wrong environment variable that a flag overrides', () => {
    assert.equal(configOf('--heartbeat 1s', { LIVE_HEARTBEAT: 'soon' }).heartbeatMs, 1_000);
  });

  it('names setting, value and what it takes when a value is wrong', () => {
    refuses(
      '--heartbeat 5',
      {},
      '--heartbeat (LIVE_HEARTBEAT): "5" is not accepted; it takes a duration from 100ms',
    );
    refuses(
      '',
      { LIVE_REPLICAS: '2' },
      '--replicas (LIVE_REPLICAS): "2" is not accepted; it takes 1, 3 or 5',
    );
  });

  it('names every wrong setting at once', () => {
    refuses('--max-age never --max-bytes all', {}, '--max-age', '--max-bytes');
  });

  for (const wrong of [
    '--listen 50051',
    '--listen ::1:50051',
    '--nats http://a:1',
    '--nats a:1,,b:1',
    '--stream live.room',
    '--max-age 500ms',
    '--max-bytes 1KiB',
    '--http-origins a.example',
    '--http-origins https://a.example/',
    '--heartbeat 99ms',
    '--heartbeat 30d',
    '--workers 0',
    '--workers 65',
    '--ephemeral-rate 0',
    '--ephemeral-rate 1000001',
    '--log-level loud',
    '--metrics on',
    '--data-dir=',
  ]) {
    it(`refuses ${wrong}`, () => refuses(wrong, {}, (wrong.split(/[ =]/)[0] ?? '') + ' (LIVE_', 'it takes'));
  }

  it('refuses two ways to verify tokens, and claims that nobody verifies', () => {
    refuses('--jwt-secret-file a --jwks-url https://b', {}, '--jwks-url', '--jwt-secret-file', 'choose one');
    refuses('--jwt-issuer a', {}, '--jwt-issuer', 'has no effect');
  });

  it('refuses a listen address off loopback unless viewers are authenticated, or with --insecure', () => {
    for (const address of ['0.0.0.0:1', '[::]:1', '192.0.2.1:1', 'example.org:1', '127.evil.example:1']) {
      refuses(['--listen', address], {}, '--listen (LIVE_LISTEN)', 'not loopback', '--insecure');
      assert.equal(configOf(['--listen', address, '--insecure']).listen.port, 1);
    }
    const key = '--jwt-secret-file=/etc/secret';
    assert.equal(configOf(['--listen', '0.0.0.0:1', key]).listen.port, 1);
    for (const address of ['localhost:1', '127.9.9.9:1', '[::1]:1']) configOf(['--listen', address]);
  });

  it('refuses replicas of the embedded server, and a room log above the limit of all', () => {
    refuses('--replicas 3', {}, '--replicas (LIVE_REPLICAS): "3" needs a NATS cluster');
    refuses('--log-bytes 1MiB', {}, '--room-log-bytes', '--log-bytes');
    refuses('--workers 2 --log-bytes 100KiB --room-log-bytes 64KiB', {}, '--workers (LIVE_WORKERS)', '64KiB');
  });

  it('refuses credentials for NATS that do not go together, or go nowhere', () => {
    const nats = '--nats a:1';
    refuses('--nats-creds c', {}, '--nats-creds (LIVE_NATS_CREDS): "c" needs --nats');
    refuses('--nats-ca c', {}, '--nats-ca (LIVE_NATS_CA): "c" needs --nats');
    refuses(`${nats} --nats-user u`, {}, '--nats-user', 'needs --nats-password-file');
    refuses(`${nats} --nats-password-file p`, {}, '--nats-password-file', 'needs --nats-user');
    refuses(`${nats} --nats-cert c`, {}, '--nats-cert', 'needs --nats-key');
    refuses(`${nats} --nats-key k`, {}, '--nats-key', 'needs --nats-cert');
    refuses(`${nats} --nats-nkey n --nats-creds c`, {}, '--nats-creds', 'does not go with --nats-nkey');
    refuses(
      '--nats u:p@a:1 --nats-token-file t',
      {},
      '--nats-token-file',
      'does not go with credentials in --nats',
    );
    refuses('--nats nats://u:p@a:1,nats://t@b:1', {}, '--nats (LIVE_NATS)', 'has different credentials');
    refuses('--nats nats://%zz@a:1', {}, '--nats (LIVE_NATS)', 'is not accepted');
    configOf('--nats nats://u:p@a:1,u:p@b:1,c:1');
  });

  it('refuses a certificate without its key, a key without its certificate, and authorities of clients without TLS', () => {
    refuses('--tls-cert a.crt', {}, '--tls-cert (LIVE_TLS_CERT): "a.crt" needs its key (--tls-key)');
    refuses('--tls-key a.key', {}, '--tls-key (LIVE_TLS_KEY): "a.key" needs its certificate (--tls-cert)');
    refuses('--proxy-protocol', {}, '--proxy-protocol (LIVE_PROXY_PROTOCOL)', 'needs the proxies');
    refuses('--trusted-proxies 10.0.0.0/8,10.0.0.0/33', {}, '--trusted-proxies', 'is not accepted');
    refuses('--tls-client-ca ca.crt', {}, '--tls-client-ca (LIVE_TLS_CLIENT_CA)', 'needs TLS');
  });

  it('suggests the flag that was meant', () =>
    refuses('--lisen a:1', {}, "'--lisen'", 'Did you mean --listen?'));

  it('refuses arguments and a flag without its value', () => {
    refuses('room', {}, 'too many arguments');
    refuses('--listen', {}, '--listen', 'argument missing');
  });

  it('prints help with every flag, its variable and its default, and the version', () => {
    const help = printed('--help');
    for (const setting of Object.values(SETTINGS)) {
      assert.ok(help.includes(`--${setting.flag}`) && help.includes(environmentName(setting)), setting.flag);
    }
    assert.match(help, /default 127\.0\.0\.1:50051/);
    assert.equal(printed('--version').trim(), VERSION);
  });

  it('builds a configuration in the process', () => {
    assert.deepEqual(defaultConfig({ heartbeatMs: 10 }), { ...configOf(''), heartbeatMs: 10 });
  });
});

function parse(args: string | readonly string[], env: NodeJS.ProcessEnv = {}) {
  return parseConfig(typeof args === 'string' ? args.split(' ').filter(Boolean) : args, env);
}

function configOf(args: string | readonly string[], env?: NodeJS.ProcessEnv): ServerConfig {
  const invocation = parse(args, env);
  assert.equal(invocation.kind, 'serve');
  return invocation.config;
}

function printed(args: string): string {
  const invocation = parse(args);
  assert.equal(invocation.kind, 'print');
  return invocation.text;
}

function refuses(args: string | readonly string[], env: NodeJS.ProcessEnv, ...parts: string[]): void {
  assert.throws(
    () => parse(args, env),
    (error) => {
      assert.ok(error instanceof ConfigError);
      for (const part of parts) assert.ok(error.message.includes(part), `${error.message} lacks ${part}`);
      return true;
    },
  );
}

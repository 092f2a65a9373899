import { parseAddress, parseDuration, parseSize } from '../../common/units.ts';
import { LOG_LEVELS } from '../observability/logging.ts';
import { parseNatsUrls } from './nats-urls.ts';

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
const KIB = 2 ** 10;
const MIB = 2 ** 20;
const MAX_RATE = 1_000_000;
const MAX_COUNT = 1_000_000;
const MAX_WORKERS = 64;

/** One setting of live-server: a flag, an environment variable, its text in the help and how to read it. */
export interface Setting<T = unknown> {
  /** Without dashes: `max-age`, which is also `LIVE_MAX_AGE`. */
  readonly flag: string;
  /** Placeholder of the value in the help; absent for a switch. */
  readonly placeholder?: string;
  readonly help: string;
  /** What a value has to be, in words that follow "takes". */
  readonly takes: string;
  /** As the user would write it; absent: not set. */
  readonly fallback?: string;
  /** Undefined if the text is not what the setting takes. */
  readonly parse: (text: string) => T | undefined;
}

/** A setting that has a value whatever the user says. */
interface RequiredSetting<T> extends Setting<T> {
  readonly fallback: string;
}

/** Every setting, in the order of the help. */
export const SETTINGS = {
  listen: required({
    flag: 'listen',
    placeholder: 'host:port',
    help: 'address to serve viewers on',
    takes: 'host:port; port 0 picks a free one, an IPv6 host stands in brackets',
    fallback: '127.0.0.1:50051',
    parse: parseAddress,
  }),
  insecure: required({
    flag: 'insecure',
    help: 'serve on other addresses than loopback even if viewers are not authenticated',
    takes: 'true or false',
    fallback: 'false',
    parse: parseSwitch,
  }),
  jwtSecretFile: optional({
    flag: 'jwt-secret-file',
    placeholder: 'file',
    help: 'viewers bring tokens (JWT), signed with HS256 and the secret in this file',
    takes: 'the path of a file with at least 32 bytes',
    parse: parseText,
  }),
  jwtPublicKey: optional({
    flag: 'jwt-public-key',
    placeholder: 'file',
    help: 'viewers bring tokens, signed with RS256, ES256 or EdDSA: the key that they are verified with, as PEM or JWK',
    takes: 'the path of a file',
    parse: parseText,
  }),
  jwksUrl: optional({
    flag: 'jwks-url',
    placeholder: 'url',
    help: 'viewers bring tokens, signed with one of the keys of this JWK Set',
    takes: 'an https:// or http:// URL',
    parse: parseHttpUrl,
  }),
  jwtIssuer: optional({
    flag: 'jwt-issuer',
    placeholder: 'name',
    help: 'only tokens of this issuer (iss) are taken',
    takes: 'a text',
    parse: parseText,
  }),
  jwtAudience: optional({
    flag: 'jwt-audience',
    placeholder: 'name',
    help: 'only tokens for this audience (aud) are taken',
    takes: 'a text',
    parse: parseText,
  }),
  jwtLeewayMs: required({
    flag: 'jwt-leeway',
    placeholder: 'duration',
    help: 'how much the clocks of issuer and gateway may differ',
    takes: 'a duration from 0s to 1h, such as 30s',
    fallback: '30s',
    parse: durationWithin(0, 3_600 * SECOND_MS),
  }),
  tokenGraceMs: required({
    flag: 'token-grace',
    placeholder: 'duration',
    help: 'how long a viewer may stay after the end of its token without a new one',
    takes: 'a duration from 0s to 1h, such as 30s',
    fallback: '30s',
    parse: durationWithin(0, 3_600 * SECOND_MS),
  }),
  tlsCert: optional({
    flag: 'tls-cert',
    placeholder: 'file',
    help: 'serve viewers by TLS, with the certificate in this file and the chain behind it (PEM); read again when it changes, and on SIGHUP',
    takes: 'the path of a file',
    parse: parseText,
  }),
  tlsKey: optional({
    flag: 'tls-key',
    placeholder: 'file',
    help: 'private key of the certificate (PEM, without a passphrase)',
    takes: 'the path of a file',
    parse: parseText,
  }),
  tlsClientCa: optional({
    flag: 'tls-client-ca',
    placeholder: 'file',
    help: 'serve only clients with a certificate of an authority in this file (PEM): mutual TLS',
    takes: 'the path of a file',
    parse: parseText,
  }),
  nats: optional({
    flag: 'nats',
    placeholder: 'url[,url]',
    help: 'NATS servers to use; without it the gateway runs one of its own; with a tls:// address all connections must be encrypted',
    takes: 'nats:// or tls:// addresses (or host:port), separated by commas',
    parse: parseNatsUrls,
  }),
  natsUser: optional({
    flag: 'nats-user',
    placeholder: 'name',
    help: 'user that the gateway is to NATS, with --nats-password-file',
    takes: 'a name',
    parse: parseText,
  }),
  natsPasswordFile: file('nats-password-file', 'file with the password of --nats-user, in one line'),
  natsTokenFile: file('nats-token-file', 'file with the token that NATS asks for, in one line'),
  natsNkey: file('nats-nkey', "file with the seed of the NKey of the gateway's user"),
  natsCreds: file('nats-creds', "file with the JWT and the seed of the gateway's user, as nsc writes it"),
  natsCa: file(
    'nats-ca',
    'file with the authorities (PEM) that sign the certificates of the NATS servers; connections must then be encrypted',
  ),
  natsCert: file(
    'nats-cert',
    'file with the certificate (PEM) that the gateway shows to NATS, with --nats-key',
  ),
  natsKey: file('nats-key', 'file with the private key of --nats-cert (PEM, without passphrase)'),
  natsServer: optional({
    flag: 'nats-server',
    placeholder: 'path',
    help: 'nats-server executable to run; without it one is looked for, else fetched',
    takes: 'the path of an executable',
    parse: parseText,
  }),
  dataDir: required({
    flag: 'data-dir',
    placeholder: 'path',
    help: "directory of the gateway's own NATS server: its messages and its log",
    takes: 'the path of a directory',
    fallback: './.live-gateway',
    parse: parseText,
  }),
  stream: required({
    flag: 'stream',
    placeholder: 'name',
    help: 'JetStream stream that holds the reliable messages, or an existing mirror of it',
    takes: '1 to 64 letters, digits, "_" or "-"',
    fallback: 'LIVE',
    parse: parseToken,
  }),
  subjectPrefix: required({
    flag: 'subject-prefix',
    placeholder: 'token',
    help: 'what all NATS subjects begin with: live stores live.room.ROOM; gateways with the same prefix serve the same rooms',
    takes: '1 to 64 letters, digits, "_" or "-"',
    fallback: 'live',
    parse: parseToken,
  }),
  jsDomain: optional({
    flag: 'js-domain',
    placeholder: 'name',
    help: 'JetStream domain of the stream, where the NATS servers are leaf nodes; without it that of the servers themselves',
    takes: '1 to 64 letters, digits, "_" or "-"',
    parse: parseToken,
  }),
  replicas: required({
    flag: 'replicas',
    placeholder: 'n',
    help: 'copies of the stream in a NATS cluster',
    takes: '1, 3 or 5',
    fallback: '1',
    parse: (text) => ([1, 3, 5] as const).find((replicas) => String(replicas) === text),
  }),
  maxAgeMs: required({
    flag: 'max-age',
    placeholder: 'duration',
    help: 'how long reliable messages are kept',
    takes: 'a duration from 1s to 3650d, such as 90s, 15m, 24h or 7d',
    fallback: '24h',
    parse: durationWithin(SECOND_MS, 3_650 * DAY_MS),
  }),
  maxBytes: required({
    flag: 'max-bytes',
    placeholder: 'size',
    help: 'how much of them is kept; the oldest go first',
    takes: 'a size of at least 64KiB, such as 512MiB or 10GiB',
    fallback: '1GiB',
    parse: sizeFrom(64 * KIB),
  }),
  heartbeatMs: required({
    flag: 'heartbeat',
    placeholder: 'duration',
    help: 'longest silence towards a viewer',
    takes: 'a duration from 100ms to 1h, such as 500ms or 5s',
    fallback: '5s',
    parse: durationWithin(100, 3_600 * SECOND_MS),
  }),
  slowConsumerTimeoutMs: required({
    flag: 'slow-consumer-timeout',
    placeholder: 'duration',
    help: 'a viewer that takes nothing for this long is cut off; it can resume',
    takes: 'a duration from 100ms to 1h, such as 30s',
    fallback: '30s',
    parse: durationWithin(100, 3_600 * SECOND_MS),
  }),
  drainMs: required({
    flag: 'drain',
    placeholder: 'duration',
    help: 'time over which viewers are sent away at shutdown',
    takes: 'a duration from 0s to 1h, such as 10s',
    fallback: '10s',
    parse: durationWithin(0, 3_600 * SECOND_MS),
  }),
  rebalancePercent: required({
    flag: 'rebalance',
    placeholder: 'percent',
    help: 'viewers that may be sent on in a minute while other gateways have over 20 % fewer, in percent of those here; 6 at least, 0 for none',
    takes: 'a whole number from 0 to 100',
    fallback: '5',
    parse: parsePercent,
  }),
  advertise: optional({
    flag: 'advertise',
    placeholder: 'host:port',
    help: 'address by which clients know this gateway: others send viewers there; without it that of --listen, if it names a host',
    takes: 'host:port, an IPv6 host stands in brackets',
    parse: parseAddress,
  }),
  workers: required({
    flag: 'workers',
    placeholder: 'n',
    help: 'processes that serve viewers, each a gateway with a connection to NATS of its own; one a core is most',
    takes: 'a whole number from 1 to 64',
    fallback: '1',
    parse: parseWorkers,
  }),
  roomLogBytes: required({
    flag: 'room-log-bytes',
    placeholder: 'size',
    help: "memory for one room's recent messages, in each worker",
    takes: 'a size of at least 64KiB, at most --log-bytes',
    fallback: '32MiB',
    parse: sizeFrom(64 * KIB),
  }),
  logBytes: required({
    flag: 'log-bytes',
    placeholder: 'size',
    help: 'memory for the recent messages of all rooms, shared out among the workers',
    takes: 'a size of at least 64KiB, such as 256MiB',
    fallback: '256MiB',
    parse: sizeFrom(64 * KIB),
  }),
  maxStreams: required({
    flag: 'max-streams',
    placeholder: 'n',
    help: 'streams of one connection, which a proxy may use for many viewers; it opens another connection for more',
    takes: 'a whole number from 1 to 1000000',
    fallback: '1000',
    parse: (text) => (text === '0' ? undefined : parseCount(text)),
  }),
  idleTimeoutMs: required({
    flag: 'idle-timeout',
    placeholder: 'duration',
    help: 'a connection without a stream is closed after this time, also one that never had any',
    takes: 'a duration from 1s to 24h, such as 1m',
    fallback: '1m',
    parse: durationWithin(SECOND_MS, DAY_MS),
  }),
  joinRate: required({
    flag: 'join-rate',
    placeholder: 'n',
    help: 'joins a second of one stream; ten times as many may come at once',
    takes: 'a whole number from 1 to 1000000, or unlimited',
    fallback: '20',
    parse: parseRate,
  }),
  lingeringRooms: required({
    flag: 'lingering-rooms',
    placeholder: 'n',
    help: 'rooms that are kept for half a minute after their last viewer has gone, so that it can resume from memory; of more, the oldest go first',
    takes: 'a whole number from 0 to 1000000',
    fallback: '1000',
    parse: parseCount,
  }),
  receiveBytes: required({
    flag: 'receive-bytes',
    placeholder: 'size',
    help: 'memory for frames and requests that are not complete, in each worker; an address has at most half of it, a connection a quarter, and who holds most is refused first',
    takes: 'a size of at least 20MiB, such as 64MiB',
    fallback: '64MiB',
    parse: sizeFrom(20 * MIB),
  }),
  frameTimeoutMs: required({
    flag: 'frame-timeout',
    placeholder: 'duration',
    help: 'a frame or request that has begun must be complete in this time, or come by 4 kB a second',
    takes: 'a duration from 1s to 1h, such as 30s',
    fallback: '30s',
    parse: durationWithin(SECOND_MS, 3_600 * SECOND_MS),
  }),
  ephemeralRate: required({
    flag: 'ephemeral-rate',
    placeholder: 'n',
    help: 'ephemeral messages a second of a room that are passed on; of more, all viewers get the same sample',
    takes: 'a whole number from 1 to 1000000, or unlimited',
    fallback: '1000',
    parse: parseRate,
  }),
  metrics: optional({
    flag: 'metrics',
    placeholder: 'host:port',
    help: 'address to serve Prometheus metrics on; without it there are none',
    takes: 'host:port; port 0 picks a free one, an IPv6 host stands in brackets',
    parse: parseAddress,
  }),
  logLevel: required({
    flag: 'log-level',
    placeholder: 'level',
    help: 'least severe log lines to write',
    takes: LOG_LEVELS.join(', '),
    fallback: 'info',
    parse: (text) => LOG_LEVELS.find((level) => level === text),
  }),
};

type Settings = typeof SETTINGS;

/** The name of a setting in the configuration object. */
export type SettingName = keyof Settings;

type ValueOf<S> = S extends RequiredSetting<infer T> ? T : S extends Setting<infer T> ? T | undefined : never;

/** The configuration of one live-server. Durations are in milliseconds, sizes in bytes. */
export type ServerConfig = { readonly [Name in SettingName]: ValueOf<Settings[Name]> };

function required<T>(setting: RequiredSetting<T>): RequiredSetting<T> {
  return setting;
}

function optional<T>(setting: Setting<T>): Setting<T> {
  return setting;
}

/** A file that is read again for every connection to NATS. */
function file(flag: string, help: string): Setting<string> {
  return optional({ flag, placeholder: 'path', help, takes: 'the path of a file', parse: parseText });
}

function parseText(text: string): string | undefined {
  return text === '' ? undefined : text;
}

function parseToken(text: string): string | undefined {
  return /^[A-Za-z0-9_-]{1,64}$/.test(text) ? text : undefined;
}

function parseSwitch(text: string): boolean | undefined {
  if (text === 'true' || text === '1') return true;
  return text === 'false' || text === '0' ? false : undefined;
}

function parseHttpUrl(text: string): string | undefined {
  return /^https?:\/\/./.test(text) && URL.canParse(text) ? text : undefined;
}

function parseWorkers(text: string): number | undefined {
  return /^[1-9]\d?$/.test(text) && Number(text) <= MAX_WORKERS ? Number(text) : undefined;
}

function parsePercent(text: string): number | undefined {
  return /^\d{1,3}$/.test(text) && Number(text) <= 100 ? Number(text) : undefined;
}

function parseRate(text: string): number | undefined {
  if (text === 'unlimited') return Infinity;
  return /^[1-9]\d{0,6}$/.test(text) && Number(text) <= MAX_RATE ? Number(text) : undefined;
}

function parseCount(text: string): number | undefined {
  return /^\d{1,7}$/.test(text) && Number(text) <= MAX_COUNT ? Number(text) : undefined;
}

function durationWithin(minMs: number, maxMs: number) {
  return (text: string): number | undefined => {
    const ms = parseDuration(text);
    return ms !== undefined && ms >= minMs && ms <= maxMs ? ms : undefined;
  };
}

function sizeFrom(minBytes: number) {
  return (text: string): number | undefined => {
    const bytes = parseSize(text);
    return bytes !== undefined && bytes >= minBytes ? bytes : undefined;
  };
}

import { isIPv4 } from 'node:net';
import type { Address } from '../../common/units.ts';
import { urlCredentials } from './nats-urls.ts';
import type { ServerConfig, SettingName } from './settings.ts';

/** The least memory for messages that a process takes, in bytes. */
const MIN_LOG_BYTES = 64 * 1024;

/** A setting that is to be changed, and what is wrong with it, in words that follow its value. */
export type Conflict = readonly [name: SettingName, problem: string];

/** What is wrong with settings that do not go together; each is told of the one that is to be changed. */
export function conflictsOf(config: ServerConfig): Conflict[] {
  const conflicts: Conflict[] = [];
  if (config.replicas > 1 && config.nats === undefined) {
    conflicts.push([
      'replicas',
      "needs a NATS cluster (--nats); the gateway's own NATS server is a single one",
    ]);
  }
  if (config.logBytes / config.workers < MIN_LOG_BYTES)
    conflicts.push(['workers', 'leaves less than 64KiB of --log-bytes to each of them']);
  if (config.roomLogBytes > config.logBytes)
    conflicts.push(['roomLogBytes', 'is more than --log-bytes, the memory for all rooms']);
  if (config.proxyProtocol && config.trustedProxies === undefined)
    conflicts.push(['proxyProtocol', 'needs the proxies that speak it (--trusted-proxies)']);
  if (config.httpMetrics !== undefined && config.http === undefined)
    conflicts.push(['httpMetrics', 'says who may read the metrics at --http, which is not given']);
  return [...tokenConflicts(config), ...tlsConflicts(config), ...conflicts, ...natsConflicts(config)];
}

/** Each is a way to verify tokens. */
const KEYS = [
  ['jwtSecretFile', '--jwt-secret-file'],
  ['jwtPublicKey', '--jwt-public-key'],
  ['jwksUrl', '--jwks-url'],
] as const satisfies readonly (readonly [SettingName, string])[];

function tokenConflicts(config: ServerConfig): Conflict[] {
  const [key, ...otherKeys] = KEYS.filter(([name]) => config[name] !== undefined);
  if (key !== undefined) {
    const two = otherKeys.map(([name]): Conflict => [
      name,
      `and ${key[1]} are two ways to verify a token: choose one`,
    ]);
    return config.demo === true
      ? [...two, ['demo', `has no tokens to show: leave it or ${key[1]} away`]]
      : two;
  }
  const ways = KEYS.map(([, flag]) => flag).join(', ');
  const conflicts: Conflict[] = [];
  for (const name of ['listen', 'http'] as const) {
    const address = config[name];
    if (config.insecure || address === undefined || isLoopback(address)) continue;
    conflicts.push([
      name,
      `is not loopback, and viewers are not authenticated; say how their tokens are verified (${ways}), or add --insecure to serve it all the same`,
    ]);
  }
  for (const name of ['jwtIssuer', 'jwtAudience'] as const)
    if (config[name] !== undefined) conflicts.push([name, `has no effect without a key (${ways})`]);
  return conflicts;
}

function tlsConflicts({ tlsCert, tlsKey, tlsClientCa }: ServerConfig): Conflict[] {
  const conflicts: Conflict[] = [];
  if (tlsCert !== undefined && tlsKey === undefined) conflicts.push(['tlsCert', 'needs its key (--tls-key)']);
  if (tlsKey !== undefined && tlsCert === undefined)
    conflicts.push(['tlsKey', 'needs its certificate (--tls-cert)']);
  if (tlsClientCa !== undefined && tlsCert === undefined)
    conflicts.push(['tlsClientCa', 'needs TLS (--tls-cert and --tls-key)']);
  return conflicts;
}

const ACCESS = [
  'natsUser',
  'natsPasswordFile',
  'natsTokenFile',
  'natsNkey',
  'natsCreds',
  'natsCa',
  'natsCert',
  'natsKey',
] as const satisfies readonly SettingName[];

function natsConflicts(config: ServerConfig): Conflict[] {
  if (config.nats === undefined) {
    return ACCESS.filter((name) => config[name] !== undefined).map((name) => [
      name,
      "needs --nats: the gateway's own NATS server takes no credentials and no TLS",
    ]);
  }
  return [...pairConflicts(config), ...credentialConflicts(config, config.nats)];
}

function pairConflicts({ natsUser, natsPasswordFile, natsCert, natsKey }: ServerConfig): Conflict[] {
  const conflicts: Conflict[] = [];
  if (natsUser !== undefined && natsPasswordFile === undefined)
    conflicts.push(['natsUser', 'needs --nats-password-file']);
  if (natsPasswordFile !== undefined && natsUser === undefined)
    conflicts.push(['natsPasswordFile', 'needs --nats-user']);
  if (natsCert !== undefined && natsKey === undefined) conflicts.push(['natsCert', 'needs --nats-key']);
  if (natsKey !== undefined && natsCert === undefined) conflicts.push(['natsKey', 'needs --nats-cert']);
  return conflicts;
}

/** A server is told one kind of credentials, and all servers the same. */
function credentialConflicts(config: ServerConfig, urls: readonly string[]): Conflict[] {
  const inUrls = new Set(
    urls
      .map(urlCredentials)
      .filter((found) => found !== undefined)
      .map((found) => JSON.stringify(found)),
  );
  if (inUrls.size > 1) return [['nats', 'has different credentials; all servers are told the same']];
  const given: (readonly [SettingName, string])[] = [];
  if (inUrls.size > 0) given.push(['nats', 'credentials in --nats']);
  if (config.natsUser !== undefined) given.push(['natsUser', '--nats-user']);
  if (config.natsTokenFile !== undefined) given.push(['natsTokenFile', '--nats-token-file']);
  if (config.natsNkey !== undefined) given.push(['natsNkey', '--nats-nkey']);
  if (config.natsCreds !== undefined) given.push(['natsCreds', '--nats-creds']);
  const [first, ...others] = given;
  return others.map(([name]) => [name, `does not go with ${first?.[1]}: give one kind of credentials`]);
}

/** Whether nobody but this machine reaches an address. */
export function isLoopback({ host }: Address): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

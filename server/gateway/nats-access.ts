import type { ServerConfig } from '../config/config.ts';
import { asksForTls, urlCredentials, withoutCredentials } from '../config/nats-urls.ts';
import type { NatsAccess, NatsCredentials, NatsTls } from '../nats/access/access.ts';

/** What of the settings says how NATS is reached. */
export type AccessSettings = Pick<
  ServerConfig,
  | 'nats'
  | 'natsUser'
  | 'natsPasswordFile'
  | 'natsTokenFile'
  | 'natsNkey'
  | 'natsCreds'
  | 'natsCa'
  | 'natsCert'
  | 'natsKey'
>;

/** How NATS is reached; undefined when the gateway is to run a server of its own. */
export function natsAccess(settings: AccessSettings): NatsAccess | undefined {
  const { nats } = settings;
  if (nats === undefined) return undefined;
  return {
    urls: nats.map(withoutCredentials),
    credentials: credentialsOf(settings, nats),
    tls: tlsOf(settings, nats),
  };
}

function credentialsOf(settings: AccessSettings, urls: readonly string[]): NatsCredentials {
  const { natsUser, natsPasswordFile, natsTokenFile, natsNkey, natsCreds } = settings;
  if (natsUser !== undefined && natsPasswordFile !== undefined)
    return { kind: 'password', user: natsUser, password: { kind: 'file', path: natsPasswordFile } };
  if (natsTokenFile !== undefined) return { kind: 'token', token: { kind: 'file', path: natsTokenFile } };
  if (natsNkey !== undefined) return { kind: 'nkey', path: natsNkey };
  if (natsCreds !== undefined) return { kind: 'creds', path: natsCreds };
  const found = urls.map(urlCredentials).find((credentials) => credentials !== undefined);
  switch (found?.kind) {
    case undefined:
      return { kind: 'none' };
    case 'token':
      return { kind: 'token', token: { kind: 'value', value: found.token } };
    case 'password':
      return {
        kind: 'password',
        user: found.user,
        password: { kind: 'value', value: found.password },
      };
  }
}

function tlsOf({ natsCa, natsCert, natsKey }: AccessSettings, urls: readonly string[]): NatsTls {
  const client =
    natsCert !== undefined && natsKey !== undefined ? { cert: natsCert, key: natsKey } : undefined;
  if (natsCa === undefined && client === undefined && !urls.some(asksForTls)) return { kind: 'offered' };
  return {
    kind: 'required',
    files: { ...(natsCa !== undefined && { ca: natsCa }), ...(client && { client }) },
  };
}

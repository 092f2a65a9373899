import { randomUUID } from 'node:crypto';
import type { KeyPair } from '../../server/nats/access/nkeys.ts';
import { nkeys } from '../../server/nats/access/nkeys.ts';

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A JWT of NATS, as `nsc` would make it. */
function sign(issuer: KeyPair, subject: KeyPair, name: string, nats: object, exp?: number): string {
  const claims = {
    jti: randomUUID(),
    iat: Math.floor(Date.now() / 1_000),
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    name,
    ...(exp !== undefined && { exp }),
    nats: { version: 2, ...nats },
  };
  const text = `${encode({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encode(claims)}`;
  return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString('base64url')}`;
}

const UNLIMITED = {
  subs: -1,
  data: -1,
  payload: -1,
  imports: -1,
  exports: -1,
  wildcards: true,
  conn: -1,
  leaf: -1,
};

/** An operator with one account that has JetStream, and what a nats-server is told of them. */
export class JwtOperator {
  readonly #account = nkeys.createAccount();
  /** For the configuration of a nats-server. */
  readonly config: string;

  constructor() {
    const operator = nkeys.createOperator();
    const system = nkeys.createAccount();
    const account = (key: KeyPair, name: string, jetstream: object): string =>
      sign(operator, key, name, {
        type: 'account',
        limits: { ...UNLIMITED, ...jetstream },
        default_permissions: { pub: {}, sub: {} },
      });
    const jetstream = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
    this.config = `
      operator: ${sign(operator, operator, 'O', { type: 'operator', system_account: system.getPublicKey() })}
      system_account: ${system.getPublicKey()}
      resolver: MEMORY
      resolver_preload: {
        ${system.getPublicKey()}: ${account(system, 'SYS', {})}
        ${this.#account.getPublicKey()}: ${account(this.#account, 'LIVE', jetstream)}
      }`;
  }

  /**
   * What a file of credentials holds for a new user.
   * @param expires in seconds since the Unix epoch; absent: never
   */
  creds(expires?: number): { readonly text: string; readonly jwt: string; readonly seed: string } {
    const user = nkeys.createUser();
    const limits = { subs: -1, data: -1, payload: -1 };
    const jwt = sign(this.#account, user, 'gateway', { type: 'user', pub: {}, sub: {}, ...limits }, expires);
    const seed = Buffer.from(user.getSeed()).toString();
    const text = `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;
    return { text, jwt, seed };
  }
}

import type { NatsAccess } from '../access/access.ts';
import { expiryMs, publicKey } from '../access/credentials.ts';
import { AccessError } from '../access/secret-file.ts';

/** Why a NATS server takes no connection. */
export interface Refusal {
  /** In the server's or the system's words, and what to do about it. */
  readonly reason: string;
  /** Whether waiting will not help. */
  readonly final: boolean;
}

/** Who is refused by whom, and when. */
interface Circumstances {
  readonly host: string;
  readonly access: NatsAccess;
  readonly nowMs: number;
}

interface Advice {
  readonly pattern: RegExp;
  readonly advice: (circumstances: Circumstances, complaint: Error) => string;
  readonly final?: true;
}

/** What to do about what servers and systems say, by code or text. */
const ADVICE: readonly Advice[] = [
  {
    pattern: /ECONNREFUSED/,
    advice: () => 'connection refused: start the server, or check --nats',
  },
  { pattern: /ENOTFOUND|EAI_AGAIN/, advice: () => 'no such host: check --nats' },
  {
    pattern: /does not offer TLS/,
    advice: () =>
      'the server does not offer TLS, which is required (tls:// in --nats, or --nats-ca, --nats-cert): configure tls in the server; nothing was sent to it',
    final: true,
  },
  {
    pattern: /UNABLE_TO_|SELF_SIGNED_CERT|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE/,
    advice: ({ access: { tls } }) =>
      tls.kind === 'required' && tls.files.ca !== undefined
        ? `the certificate of the server is not signed by an authority in --nats-ca (${tls.files.ca})`
        : 'the certificate of the server is not signed by a known authority: name the file with that of yours in --nats-ca',
    final: true,
  },
  {
    pattern: /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/,
    advice: () => 'the certificate of the server has expired, or is not valid yet: renew it',
  },
  {
    pattern: /ERR_TLS_CERT_ALTNAME_INVALID/,
    advice: ({ host }, { message }) =>
      `the certificate of the server is not for ${host} (${message}): write a name that it has in --nats`,
    final: true,
  },
  {
    pattern: /ALERT_(BAD_CERTIFICATE|CERTIFICATE_|UNKNOWN_CA|UNSUPPORTED_CERTIFICATE|HANDSHAKE_FAILURE)/,
    advice: ({ access: { tls } }) =>
      tls.kind === 'required' && tls.files.client !== undefined
        ? `the server does not take the certificate of --nats-cert (${tls.files.client.cert}): its authority must be known there, and it must be for clients and not have expired`
        : 'the server asks for the certificate of the client: name its files in --nats-cert and --nats-key',
    final: true,
  },
  { pattern: /authentication expired/i, advice: refusedCredentials, final: true },
  { pattern: /authorization violation/i, advice: refusedCredentials, final: true },
  {
    pattern: /maximum connections exceeded/i,
    advice: () => 'maximum connections exceeded: raise max_connections of the server',
  },
  {
    pattern: /maximum account active connections/i,
    advice: () => 'maximum account active connections exceeded: raise the limit of the account',
  },
];

/** What a complaint of a server, or an error on the way to it, comes to. */
export function refusalOf(complaint: Error, host: string, access: NatsAccess, nowMs: number): Refusal {
  if (complaint instanceof AccessError) return { reason: complaint.message, final: false };
  const { code } = complaint as NodeJS.ErrnoException;
  const text = code === undefined ? complaint.message : `${code} ${complaint.message}`;
  const known = ADVICE.find(({ pattern }) => pattern.test(text));
  if (known === undefined) return { reason: code ?? complaint.message, final: false };
  return { reason: known.advice({ host, access, nowMs }, complaint), final: known.final === true };
}

const REFUSED = 'Authorization Violation';
const READ_AGAIN = 'the file is read again with every attempt';

function refusedCredentials({ access: { credentials }, nowMs }: Circumstances): string {
  switch (credentials.kind) {
    case 'none':
      return `${REFUSED}: the server lets nobody in without credentials (see no_auth_user): give --nats-creds, --nats-nkey, --nats-user or --nats-token-file`;
    case 'password': {
      const { user, password } = credentials;
      return password.kind === 'value'
        ? `${REFUSED}: the server does not take the user ${user} with the password in --nats`
        : `${REFUSED}: the server does not take the user ${user} (--nats-user) with the password in ${password.path} (--nats-password-file); ${READ_AGAIN}`;
    }
    case 'token':
      return credentials.token.kind === 'value'
        ? `${REFUSED}: the server does not take the token in --nats`
        : `${REFUSED}: the server does not take the token in ${credentials.token.path} (--nats-token-file); ${READ_AGAIN}`;
    case 'nkey':
      return `${REFUSED}: the server has no user with the nkey ${publicKey(credentials.path)} (--nats-nkey ${credentials.path}); ${READ_AGAIN}`;
    case 'creds': {
      const endsMs = expiryMs(credentials);
      return endsMs !== undefined && endsMs <= nowMs
        ? `the JWT in ${credentials.path} (--nats-creds) has expired at ${new Date(endsMs).toISOString()}: put a new one there; ${READ_AGAIN}`
        : `${REFUSED}: the server does not take the JWT in ${credentials.path} (--nats-creds): its account may be unknown there, or the user revoked; ${READ_AGAIN}`;
    }
  }
}

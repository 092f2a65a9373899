import type { KeyObject } from 'node:crypto';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { NatsTls, TlsFiles } from './access.ts';
import { AccessError, readSecretFile } from './secret-file.ts';

/** What TLS towards NATS is made with, as Node takes it. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/**
 * Reads the files as they are now, and whether they go together.
 * @throws AccessError
 */
export function readTls(tls: NatsTls): TlsMaterial {
  return tls.kind === 'required' ? { ...readCa(tls.files), ...readClient(tls.files) } : {};
}

function readCa({ ca }: TlsFiles): TlsMaterial {
  if (ca === undefined) return {};
  const text = readSecretFile('--nats-ca', ca);
  parseCertificates('--nats-ca', ca, text);
  return { ca: text };
}

function readClient({ client }: TlsFiles): TlsMaterial {
  if (client === undefined) return {};
  const cert = readSecretFile('--nats-cert', client.cert);
  const key = readSecretFile('--nats-key', client.key);
  const own = parseCertificates('--nats-cert', client.cert, cert);
  if (!own.checkPrivateKey(parseKey(client.key, key)))
    throw new AccessError('--nats-key', client.key, 'does not belong to the certificate of --nats-cert');
  return { cert, key };
}

/** The first of them. */
function parseCertificates(setting: string, path: string, text: string): X509Certificate {
  try {
    const [first, ...others] = text.match(CERTIFICATES) ?? [];
    if (first === undefined) throw new Error('none');
    for (const other of others) new X509Certificate(other);
    return new X509Certificate(first);
  } catch {
    throw new AccessError(setting, path, 'holds no certificate (PEM), or one that cannot be read');
  }
}

function parseKey(path: string, text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (error) {
    const encrypted = (error as NodeJS.ErrnoException).code === 'ERR_MISSING_PASSPHRASE';
    const problem = encrypted ? 'is encrypted: give a key without passphrase' : 'holds no private key (PEM)';
    throw new AccessError('--nats-key', path, problem);
  }
}

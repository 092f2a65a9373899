import { createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Certificates } from './certificates.ts';
import { certificatesIn, contextOptions } from './certificates.ts';

/** Where the certificates of a gateway are, as its settings say. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | undefined;
}

/** The settings that name the files. */
const FLAGS = { cert: '--tls-cert', key: '--tls-key', clientCa: '--tls-client-ca' } as const;

type Role = keyof typeof FLAGS;

/** A file that cannot be used; the message names it, and its setting. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError';
}

/** The files that settings name; undefined without TLS. */
export function certificateFiles(settings: {
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly tlsClientCa: string | undefined;
}): CertificateFiles | undefined {
  const { tlsCert: cert, tlsKey: key, tlsClientCa: clientCa } = settings;
  return cert === undefined || key === undefined ? undefined : { cert, key, clientCa };
}

/**
 * Reads the certificates, and makes sure that a server can use them.
 * @throws CertificateError
 */
export async function readCertificates(files: CertificateFiles): Promise<Certificates> {
  const [cert, key, clientCa] = await Promise.all([
    read(files, 'cert'),
    read(files, 'key'),
    files.clientCa === undefined ? undefined : read(files, 'clientCa'),
  ]);
  const certificates = { cert, key, clientCa };
  check(files, certificates);
  return certificates;
}

async function read(files: CertificateFiles, role: Role): Promise<string> {
  try {
    return await readFile(files[role] as string, 'utf8');
  } catch (cause) {
    throw unusable(files, role, 'cannot be read', cause);
  }
}

function check(files: CertificateFiles, certificates: Certificates): void {
  const [own] = certificatesOf(files, 'cert', certificates.cert);
  const key = privateKey(files, certificates.key);
  if (own?.checkPrivateKey(key) !== true)
    throw unusable(files, 'key', `does not belong to the certificate in ${files.cert}`);
  if (certificates.clientCa !== undefined) certificatesOf(files, 'clientCa', certificates.clientCa);
  try {
    // OpenSSL has more to say: a key that is too short, a digest that nobody trusts any more.
    createSecureContext(contextOptions(certificates));
  } catch (cause) {
    throw unusable(files, 'cert', 'cannot be served', cause);
  }
}

function certificatesOf(files: CertificateFiles, role: Role, pem: string): ReturnType<typeof certificatesIn> {
  try {
    const found = certificatesIn(pem);
    if (found.length > 0) return found;
  } catch (cause) {
    throw unusable(files, role, 'has a certificate that cannot be read', cause);
  }
  throw unusable(files, role, 'has no certificate in PEM');
}

function privateKey(files: CertificateFiles, pem: string): KeyObject {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem))
    throw unusable(files, 'key', 'has no private key in PEM');
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    const encrypted = pem.includes('ENCRYPTED');
    throw unusable(
      files,
      'key',
      encrypted ? 'is encrypted: give one without a passphrase' : 'cannot be read',
      cause,
    );
  }
}

function unusable(files: CertificateFiles, role: Role, problem: string, cause?: unknown): CertificateError {
  const detail = cause instanceof Error ? ` (${cause.message})` : '';
  return new CertificateError(`${FLAGS[role]} ${files[role]}: ${problem}${detail}`, { cause });
}

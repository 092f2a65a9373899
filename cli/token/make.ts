import type { KeyObject } from 'node:crypto';
import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { SignJWT } from 'jose';
import { UsageError } from '../../common/errors.ts';
import { Output } from '../../common/node/output.ts';
import { readSecret } from './secret.ts';

/** As they are on the command line. */
export interface MakeOptions {
  user: string;
  room?: string[];
  role?: string[];
  allow?: string[];
  ttl: number;
  issuer?: string;
  audience?: string;
  id?: string;
  secretFile?: string;
  privateKey?: string;
  kid?: string;
}

/** Makes a token and prints it. */
export async function makeToken(options: MakeOptions): Promise<void> {
  const { user, room, role, allow, ttl, issuer, audience, id, kid } = options;
  const { algorithm, key } = await signingKey(options);
  const claims = { ...(room && { rooms: room }), ...(role && { roles: role }), ...(allow && { allow }) };
  const token = new SignJWT(claims)
    .setProtectedHeader({ alg: algorithm, typ: 'JWT', ...(kid !== undefined && { kid }) })
    .setSubject(user)
    .setIssuedAt()
    .setExpirationTime(new Date(Date.now() + ttl));
  if (issuer !== undefined) token.setIssuer(issuer);
  if (audience !== undefined) token.setAudience(audience);
  if (id !== undefined) token.setJti(id);
  await new Output(process.stdout).line(await token.sign(key));
}

async function signingKey({
  secretFile,
  privateKey,
}: MakeOptions): Promise<{ algorithm: string; key: Uint8Array | KeyObject }> {
  if ((secretFile === undefined) === (privateKey === undefined))
    throw new UsageError('what is it signed with? Give --secret-file or --private-key');
  if (secretFile !== undefined) return { algorithm: 'HS256', key: await readSecret(secretFile) };
  const key = createPrivateKey(await readFile(privateKey as string));
  const algorithm = { rsa: 'RS256', ec: 'ES256', ed25519: 'EdDSA' }[String(key.asymmetricKeyType)];
  if (algorithm === undefined)
    throw new UsageError(`a key of type ${key.asymmetricKeyType}: RSA, EC P-256 or Ed25519 is taken`);
  return { algorithm, key };
}

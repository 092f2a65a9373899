import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { JWTPayload, JWTVerifyResult } from 'jose';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { UsageError } from '../../common/errors.ts';
import { Output } from '../../common/node/output.ts';
import { isRight, isRoomPattern, ROLES } from '../../protos/rights.ts';
import { readSecret } from './secret.ts';

/** What a signature is verified with: one of them, or none. */
export interface SignatureKeys {
  secretFile?: string;
  publicKey?: string;
  jwksUrl?: string;
}

/** Prints what a token says, and whether it is signed by the key. `-` is read from standard input. */
export async function inspectToken(given: string, keys: SignatureKeys): Promise<void> {
  const token = (given === '-' ? await readStandardInput() : given).trim();
  const output = new Output(process.stdout);
  const [header, claims] = decoded(token);
  await output.line(
    JSON.stringify({ header, claims, ...timesOf(claims), ...unknownOf(claims) }, undefined, 2),
  );
  const verified = await verify(token, keys);
  if (verified === undefined)
    await output.line('The signature was not verified: give --secret-file, --public-key or --jwks-url.');
  else await output.line('The signature is good, and the token counts now.');
}

function decoded(token: string): [header: unknown, claims: JWTPayload] {
  try {
    return [decodeProtectedHeader(token), decodeJwt(token)];
  } catch (cause) {
    throw new UsageError('that is no signed JSON Web Token: three parts with dots between them', { cause });
  }
}

/** Times as people read them. */
function timesOf({ exp, nbf, iat }: JWTPayload): { times?: Record<string, string> } {
  const named = Object.entries({ exp, nbf, iat }).filter(([, time]) => typeof time === 'number') as [
    string,
    number,
  ][];
  if (named.length === 0) return {};
  return {
    times: Object.fromEntries(named.map(([name, time]) => [name, new Date(time * 1_000).toISOString()])),
  };
}

/** What the gateway knows nothing of: mostly a slip of the pen. */
function unknownOf(claims: JWTPayload): { unknown?: string[] } {
  const listed = (name: string): string[] => {
    const value = claims[name];
    return Array.isArray(value) ? value.map(String) : [];
  };
  const unknown = [
    ...listed('roles')
      .filter((role) => !ROLES.has(role))
      .map((role) => `role ${role}`),
    ...listed('allow')
      .filter((right) => !isRight(right))
      .map((right) => `right ${right}`),
    ...listed('rooms')
      .filter((room) => !isRoomPattern(room))
      .map((room) => `room ${room}`),
  ];
  return unknown.length === 0 ? {} : { unknown };
}

async function verify(
  token: string,
  { secretFile, publicKey, jwksUrl }: SignatureKeys,
): Promise<JWTVerifyResult | undefined> {
  if (secretFile !== undefined) return jwtVerify(token, await readSecret(secretFile));
  if (publicKey !== undefined) return jwtVerify(token, createPublicKey(await readFile(publicKey)));
  if (jwksUrl !== undefined) return jwtVerify(token, createRemoteJWKSet(new URL(jwksUrl)));
  return undefined;
}

async function readStandardInput(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin) text += String(chunk);
  return text;
}

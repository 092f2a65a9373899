import type { KeyObject } from 'node:crypto';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { JWTPayload, JWTVerifyResult } from 'jose';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, SignJWT } from 'jose';
import { UsageError } from '../../common/errors.ts';
import { Output } from '../../common/node/output.ts';
import { isRight, isRoomPattern, ROLES } from '../../protos/rights.ts';
import { parsePositiveDuration } from '../arguments.ts';

/** `live-cli token`: tokens for tests, and a look at those that do not work. Real ones are made by your backend. */
export function tokenCommand(): Command {
  return new Command('token')
    .description('Make test tokens (JWT) for a gateway that asks for them, and look at tokens.')
    .addCommand(makeCommand())
    .addCommand(inspectCommand());
}

interface MakeOptions {
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

function makeCommand(): Command {
  return new Command('make')
    .description('Make a token and print it. Options that can be given several times are lists.')
    .requiredOption('--user <name>', 'whose token it is (sub)')
    .addOption(
      listOption(
        '--room <pattern>',
        'a room, in which one * may stand for the rest; none: every room',
        isRoomPattern,
      ),
    )
    .addOption(
      listOption(
        '--role <role>',
        `${[...ROLES.keys()].join(', ')}; without --role and --allow: viewer`,
        (role) => ROLES.has(role),
      ),
    )
    .addOption(
      listOption('--allow <right>', 'watch, publish:TYPE, publish:*, moderate, speak-for-others', isRight),
    )
    .addOption(
      new Option('--ttl <duration>', 'for how long it counts')
        .argParser(parsePositiveDuration)
        .default(3_600_000, '1h'),
    )
    .option('--issuer <name>', 'who makes it (iss)')
    .option('--audience <name>', 'who it is for (aud)')
    .option('--id <name>', 'its own name (jti)')
    .option('--secret-file <file>', 'sign it with the secret in the file (HS256)')
    .option(
      '--private-key <file>',
      'sign it with the private key in the file, as PEM (RS256, ES256 or EdDSA)',
    )
    .option('--kid <name>', 'which key of a key set that is')
    .action(make);
}

async function make(options: MakeOptions): Promise<void> {
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

interface Keys {
  secretFile?: string;
  publicKey?: string;
  jwksUrl?: string;
}

function inspectCommand(): Command {
  return new Command('inspect')
    .description('Print what a token says, and with a key whether it is signed by it.')
    .argument('<token>', 'the token; - reads it from standard input')
    .option('--secret-file <file>', 'verify it with the secret in the file')
    .option('--public-key <file>', 'verify it with the public key in the file, as PEM')
    .option('--jwks-url <url>', 'verify it with the key set there')
    .action(inspect);
}

async function inspect(given: string, keys: Keys): Promise<void> {
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
  { secretFile, publicKey, jwksUrl }: Keys,
): Promise<JWTVerifyResult | undefined> {
  if (secretFile !== undefined) return jwtVerify(token, await readSecret(secretFile));
  if (publicKey !== undefined) return jwtVerify(token, createPublicKey(await readFile(publicKey)));
  if (jwksUrl !== undefined) return jwtVerify(token, createRemoteJWKSet(new URL(jwksUrl)));
  return undefined;
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

/** As the gateway does: without the end of the line that editors put behind it. */
async function readSecret(file: string): Promise<Uint8Array> {
  return Buffer.from((await readFile(file, 'latin1')).replace(/\r?\n$/, ''), 'latin1');
}

async function readStandardInput(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin) text += String(chunk);
  return text;
}

function listOption(flags: string, description: string, allows: (value: string) => boolean): Option {
  return new Option(flags, description).argParser((value: string, previous: string[] | undefined) => {
    if (!allows(value)) throw new InvalidArgumentError(`It takes ${description}.`);
    return [...(previous ?? []), value];
  });
}

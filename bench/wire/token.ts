import { createHmac } from 'node:crypto';

/** What gateways that ask for tokens verify them with. */
export const SECRET = 'a secret of the bench, which is long enough';

const HEADER = encoded({ alg: 'HS256', typ: 'JWT' });
const EXPIRES_S = Math.floor(Date.now() / 1_000) + 86_400;

/** A user's token: he may watch every room. Where nobody is asked for one it does no harm. */
export function tokenOf(user: string): string {
  const signed = `${HEADER}.${encoded({ sub: user, exp: EXPIRES_S })}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

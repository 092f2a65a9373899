/** What stands before the `@` of an address: a token, or a user with a password. */
export type UrlCredentials =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'password'; readonly user: string; readonly password: string };

/** Undefined if one of them is no address of a NATS server. */
export function parseNatsUrls(text: string): readonly string[] | undefined {
  const urls = text.split(',').map((url) => url.trim());
  return urls.every(isNatsUrl) ? urls : undefined;
}

/** Undefined when there are none in the address. */
export function urlCredentials(url: string): UrlCredentials | undefined {
  const { username, password } = new URL(complete(url));
  const user = decodeURIComponent(username);
  if (user === '' && password === '') return undefined;
  if (!/^[^@]*:/.test(url.replace(/^.*:\/\//, ''))) return { kind: 'token', token: user };
  return { kind: 'password', user, password: decodeURIComponent(password) };
}

/** The address alone. */
export const withoutCredentials = (url: string): string => url.replace(/^(\w+:\/\/)?[^/]*@/, '$1');

/** Whether connections to it have to be encrypted. */
export const asksForTls = (url: string): boolean => url.startsWith('tls://');

function isNatsUrl(url: string): boolean {
  const full = complete(url);
  if (!/^(nats|tls):\/\/./.test(full) || !URL.canParse(full) || new URL(full).hostname === '') return false;
  try {
    urlCredentials(url);
    return true;
  } catch {
    // A percent sign that begins no character.
    return false;
  }
}

const complete = (url: string): string => (url.includes('://') ? url : `nats://${url}`);

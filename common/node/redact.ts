/**
 * What stands before the `@` of an address: after `://` anything up to the last one before another address, since that may be a token, and
 * tokens have slashes; elsewhere a name and a password.
 */
const credentials = /(:\/\/)(?:(?!:\/\/)[^\s"'])*@|[^\s"'/,@]+:[^\s"'/,]*@/g;

/** The text without the credentials of addresses in it: `nats://user:secret@host` becomes `nats://***@host`. */
export function redacted(text: string): string {
  return text.includes('@') ? text.replace(credentials, '$1***@') : text;
}

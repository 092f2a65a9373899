import type { IncomingMessage } from 'node:http';

/**
 * What a request is for, as an address of the gateway. Undefined where it could be taken for another path than it is written with (`//host/path`, `/a/../b`): a proxy in front
 * may have decided by that whether it comes here at all.
 */
export function targetOf({ url = '' }: Pick<IncomingMessage, 'url'>): URL | undefined {
  // Proxies may be sent a whole address (RFC 9112, section 3.2.2).
  const target = url.replace(/^https?:\/\/[^/?#]*/i, '');
  const parsed = URL.parse(`http://gateway${target}`);
  const [path] = target.split('?', 1);
  return parsed !== null && parsed.pathname === path ? parsed : undefined;
}

/** Whether a request says more than once which host it is for (RFC 9112, section 3.2): a proxy may have gone by another than the first. */
export function namesManyHosts({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>): boolean {
  return rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host').length > 1;
}

import type { IncomingMessage } from 'node:http';

/** More of an answer is not read: a gateway's own have less. */
const MOST_CHARACTERS = 64 * 1024;

/** Why a WebSocket was not granted, in words: what the gateway says or, where the answer is not one of a gateway's, that something in between has given it. */
export async function refusalOf(response: IncomingMessage): Promise<string> {
  const status = `HTTP ${response.statusCode}`;
  const detail = await detailOf(response).catch(() => undefined);
  if (detail !== undefined) return `${status}: ${detail}`;
  return `${status} in place of a WebSocket: something between here and the gateway (a proxy, a firewall) refuses the Upgrade, or this is no gateway's --http; server-sent events and gRPC need no Upgrade`;
}

/** Of a problem (RFC 9457), which is how gateways refuse; undefined: it is none. */
async function detailOf(response: IncomingMessage): Promise<string | undefined> {
  if (response.headers['content-type'] !== 'application/problem+json') return undefined;
  let text = '';
  response.setEncoding('utf8');
  for await (const part of response) {
    text += part as string;
    if (text.length > MOST_CHARACTERS) return undefined;
  }
  const { detail } = JSON.parse(text) as { readonly detail?: unknown };
  return typeof detail === 'string' ? detail : undefined;
}

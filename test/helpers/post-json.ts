import { request } from 'node:http';
import type { RequestOptions } from 'node:https';
import { request as requestSecurely } from 'node:https';

/** What a POST came back with. */
export interface JsonAnswer {
  readonly status: number;
  /** Undefined: it was no JSON. */
  readonly body: unknown;
}

/** Sends JSON on a connection of its own, to `http://` or `https://`; rejects when no answer comes. */
export function postJson(url: string, body: object, options: RequestOptions = {}): Promise<JsonAnswer> {
  const send = url.startsWith('https:') ? requestSecurely : request;
  const headers = { 'content-type': 'application/json', ...(options.headers as Record<string, string>) };
  return new Promise((resolve, reject) => {
    const asked = send(url, { agent: false, method: 'POST', ...options, headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parsed(text) }));
    });
    asked.on('error', reject);
    asked.end(JSON.stringify(body));
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

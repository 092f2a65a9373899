import type { IncomingMessage, ServerResponse } from 'node:http';
import type { MetricsSource } from './metrics.ts';

/** Why viewers should not be sent here; empty: they should. */
export type NotReady = readonly string[];

/** What those may ask who watch over a gateway. */
export interface Watched {
  readonly metrics: MetricsSource;
  readonly notReady: () => NotReady;
}

/** The paths of what is answered here. */
export const PROBES = { metrics: '/metrics', alive: '/healthz', ready: '/readyz' } as const;

/** Answers with the metrics, as Prometheus reads them. */
export async function answerMetrics(response: ServerResponse, source: MetricsSource): Promise<void> {
  try {
    const text = await source.metrics();
    answer(response, 200, source.contentType, text);
  } catch (error) {
    answer(response, 500, PLAIN, `${String(error)}\n`);
  }
}

/** Answers that the process lives: it would not answer otherwise. */
export function answerAlive(response: ServerResponse): void {
  answer(response, 200, PLAIN, 'ok\n');
}

/**
 * Answers whether viewers should be sent here: by 200 or 503.
 * @param detail whether it is said why not
 */
export function answerReady(response: ServerResponse, notReady: NotReady, detail: boolean): void {
  if (notReady.length === 0) return answer(response, 200, PLAIN, 'ready\n');
  answer(response, 503, PLAIN, detail ? `not ready: ${notReady.join(', ')}\n` : 'not ready\n');
}

/** Whether it only asks. */
export function isRead({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD';
}

const PLAIN = 'text/plain; charset=utf-8';

function answer(response: ServerResponse, status: number, type: string, text: string): void {
  const length = Buffer.byteLength(text);
  response.writeHead(status, { 'content-type': type, 'content-length': length, 'cache-control': 'no-store' });
  response.end(response.req.method === 'HEAD' ? undefined : text);
}

import assert from 'node:assert/strict';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { get } from 'node:http';
import { get as getSecurely } from 'node:https';
import { until } from './poll.ts';

/** An event as an EventSource dispatches it, and what it then knows. */
export interface ReceivedEvent {
  readonly event: string;
  readonly data: Record<string, unknown>;
  /** The last event's that had one. */
  readonly lastEventId: string;
  readonly hadId: boolean;
}

/** How an EventSource is opened by a test. */
export interface EventSourceOptions {
  /** It comes to one after the other, as a load balancer sends it; absent: the address itself. */
  readonly hosts?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  /** By whom certificates are signed, where the address is `https://`. */
  readonly ca?: string;
}

/**
 * An EventSource by the letter of the HTML standard (https://html.spec.whatwg.org/multipage/server-sent-events.html), made by hand: comes again after the end of a
 * stream, with the last identifier, and never after a status other than 200. Stricter than that in what it reads.
 */
export class HandEventSource implements Disposable {
  readonly events: ReceivedEvent[] = [];
  readonly comments: string[] = [];
  /** What came with every stream. */
  readonly responses: { status: number; headers: IncomingMessage['headers'] }[] = [];
  /** The body of the answer that ended it. */
  refusal: Record<string, unknown> | undefined;
  retryMs = 3_000;
  /** Of each stream that has ended: in which time it was to come again. */
  readonly endedWithRetryMs: number[] = [];
  lastEventId = '';
  readonly #path: string;
  readonly #hosts: readonly string[];
  readonly #headers: Readonly<Record<string, string>>;
  readonly #protocol: string;
  readonly #ca: string | undefined;
  #attempt = 0;
  #request: ClientRequest | undefined;
  #timer: NodeJS.Timeout | undefined;
  #state: 'connecting' | 'open' | 'closed' = 'connecting';

  /** @param url `http://host:port/path`, or with `https` */
  constructor(url: string, { hosts, headers = {}, ca }: EventSourceOptions = {}) {
    const { protocol, host, pathname, search } = new URL(url);
    this.#protocol = protocol;
    this.#ca = ca;
    this.#path = pathname + search;
    this.#hosts = hosts ?? [host];
    this.#headers = headers;
    this.#connect();
  }

  get state(): 'connecting' | 'open' | 'closed' {
    return this.#state;
  }

  /** All events of a kind so far. */
  all(event: string): ReceivedEvent[] {
    return this.events.filter((received) => received.event === event);
  }

  /** Payloads of the reliable messages so far. */
  get payloads(): unknown[] {
    return this.all('message').map(({ data }) => data['payload']);
  }

  /** Waits for the `nth` event of a kind, from 1. */
  next(event: string, nth = 1): Promise<ReceivedEvent> {
    return until(`event ${event} number ${nth} comes`, () => this.all(event)[nth - 1]);
  }

  /** The connection breaks off. */
  breakOff(): void {
    this.#request?.destroy();
  }

  close(): void {
    this.#state = 'closed';
    clearTimeout(this.#timer);
    this.#request?.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #connect(): void {
    const host = this.#hosts[this.#attempt++ % this.#hosts.length] as string;
    const headers: Record<string, string> = { accept: 'text/event-stream', ...this.#headers };
    if (this.lastEventId !== '') headers['last-event-id'] = this.lastEventId;
    const take = (response: IncomingMessage): void => void this.#take(response);
    const url = `${this.#protocol}//${host}${this.#path}`;
    this.#request =
      this.#protocol === 'https:'
        ? getSecurely(url, { headers, agent: false, ca: this.#ca }, take)
        : get(url, { headers, agent: false }, take);
    this.#request.on('error', () => this.#comeAgain());
  }

  async #take(response: IncomingMessage): Promise<void> {
    const { statusCode = 0, headers } = response;
    this.responses.push({ status: statusCode, headers });
    if (statusCode !== 200 || headers['content-type'] !== 'text/event-stream') {
      this.#state = 'closed';
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      this.refusal = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
      return;
    }
    this.#state = 'open';
    const decoder = new TextDecoder('utf-8', { fatal: true });
    let rest = '';
    try {
      for await (const chunk of response) {
        rest += decoder.decode(chunk as Buffer, { stream: true });
        const blocks = rest.split('\n\n');
        rest = blocks.pop() as string;
        for (const block of blocks) this.#dispatch(block);
      }
    } catch (error) {
      if (error instanceof assert.AssertionError || error instanceof SyntaxError) throw error;
      // Broken off: what has not been dispatched is as good as never sent.
    }
    this.#comeAgain();
  }

  #comeAgain(): void {
    if (this.#state === 'closed') return;
    this.#state = 'connecting';
    this.endedWithRetryMs.push(this.retryMs);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), this.retryMs);
  }

  #dispatch(block: string): void {
    const fields = new Map<string, string>();
    for (const line of block.split('\n')) {
      const [, name = '', value = ''] =
        /^(id|event|data|retry|): ([^\n\r\0]*)$/.exec(line) ?? assert.fail(line);
      if (name === '') this.comments.push(value);
      else assert.ok(!fields.has(name), `${name} twice: ${block}`);
      if (name !== '') fields.set(name, value);
    }
    const retry = fields.get('retry');
    if (retry !== undefined) this.retryMs = Number(/^\d+$/.exec(retry)?.[0] ?? assert.fail(retry));
    const id = fields.get('id');
    if (id !== undefined) this.lastEventId = id;
    const data = fields.get('data');
    if (data === undefined) return assert.ok(!fields.has('event'), 'an event without data is not dispatched');
    this.events.push({
      event: fields.get('event') ?? 'message',
      data: JSON.parse(data) as Record<string, unknown>,
      lastEventId: this.lastEventId,
      hadId: id !== undefined,
    });
  }
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Access } from '../../session/access.ts';
import { Failure } from '../../session/failure.ts';
import type { TracedCall } from '../../session/traces.ts';
import { fail } from '../../session/traces.ts';
import { accessOf } from '../../session/unary.ts';
import { leaveUnread } from '../http/problem.ts';
import { requestIdOf } from '../http/request-id.ts';
import { traceParentOf } from '../http/trace-parent.ts';
import { requestOrigin } from '../http/request-origin.ts';
import type { ApiDependencies } from './dependencies.ts';
import { HttpCall } from './http-call.ts';

/** Answers a call of somebody who may do what his token says. */
export type Answer = (call: HttpCall, access: Access) => Promise<void>;

/** Tells whoever calls why he is refused. */
export type Refuse = (call: HttpCall, failure: Failure) => void;

/** A request, and what it is for. */
export interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** As traces name it: see the semantic conventions of OpenTelemetry. */
  readonly span: Pick<TracedCall, 'name' | 'attributes'>;
}

/** Serves one request: whoever calls is asked for his token, and is told of every failure. */
export async function serveCall(
  { context, sessions, entrance }: ApiDependencies,
  { request, response, url, span }: Asked,
  answer: Answer,
  refuse: Refuse,
): Promise<void> {
  const { clock, refusals } = context;
  const origin = requestOrigin(entrance.origins, request);
  const trace = context.traces?.call({ ...span, parent: traceParentOf(request.headers) });
  const call = new HttpCall({ request, response, url, origin, trace }, clock);
  response.once('close', sessions.watch(call));
  let caller: Pick<Access, 'user' | 'tokenId'> | undefined;
  try {
    const access = await accessOf(context, call.token);
    caller = access;
    await answer(call, access);
  } catch (error) {
    const { user, tokenId } = caller ?? {};
    const method = url.pathname.slice(0, 160);
    const request = requestIdOf(response);
    const facts = { method, peer: origin.name, user, tokenId, request, trace: trace?.traceId };
    const failure = refusals.refuse(error, facts, 'a call was refused');
    if (trace !== undefined) fail(trace, failure);
    if (call.gone.aborted) return;
    leaveUnread(response);
    refuse(call, failure);
  } finally {
    trace?.set({ 'http.response.status_code': response.statusCode });
    trace?.end();
  }
}

/**
 * Does work for a call, and waits no longer for it than whoever calls.
 * @param timeoutMs undefined: he does not say
 * @throws Failure DEADLINE_EXCEEDED
 */
export async function withinDeadline<T>(
  { context }: ApiDependencies,
  timeoutMs: number | undefined,
  work: Promise<T>,
): Promise<T> {
  if (timeoutMs === undefined) return work;
  return new Promise((resolve, reject) => {
    const timer = context.clock.after(timeoutMs, () => reject(tooLate(timeoutMs)));
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}

/** The call has lasted longer than whoever calls wanted to wait, in milliseconds. */
export function tooLate(timeoutMs: number): Failure {
  return new Failure('DEADLINE_EXCEEDED', `the deadline of the call, ${timeoutMs} ms, has passed`);
}

import type { CallOptions, ServiceError } from '@grpc/grpc-js';
import { Metadata } from '@grpc/grpc-js';
import type { Dialling } from '../client/transports/grpc/dialling.ts';
import { dialler } from '../client/transports/grpc/dialling.ts';
import { fromServiceError } from '../client/transports/grpc/errors.ts';
import { LiveError } from '../client/index.ts';
import { ModerationStub } from '../protos/moderation.ts';
import { status } from '../protos/status-codes.ts';
import type { Connection } from './connection/connection.ts';
import { explained } from './connection/tls-trouble.ts';

/** Statuses after which another gateway may do better. To ask for the same twice does no harm. */
const ELSEWHERE: ReadonlySet<number> = new Set([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]);

/** A method of `live.v1.Moderation`, with its request. */
export type ModerationCall<Response> = (
  stub: InstanceType<typeof ModerationStub>,
  metadata: Metadata,
  options: CallOptions,
  answered: (error: ServiceError | null, response?: Response) => void,
) => void;

/**
 * Has one of the gateways do what moderators do: they are asked one after the other, until one does it or refuses.
 * @param timeoutMs how long each may take
 * @throws LiveError of the last one
 */
export async function moderate<Response>(
  connection: Connection,
  timeoutMs: number,
  call: ModerationCall<Response>,
): Promise<Response> {
  const dial = dialler({ tls: connection.tls });
  const token = typeof connection.token === 'function' ? await connection.token() : connection.token;
  let last: unknown;
  for (const endpoint of connection.endpoints) {
    try {
      return await ask(dial(endpoint), token, timeoutMs, call);
    } catch (error) {
      if (!(error instanceof LiveError && ELSEWHERE.has(error.code))) throw error;
      last = error;
    }
  }
  throw await explained(last, connection);
}

async function ask<Response>(
  { address, credentials }: Dialling,
  token: string | undefined,
  timeoutMs: number,
  call: ModerationCall<Response>,
): Promise<Response> {
  const stub = new ModerationStub(address, credentials);
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
  try {
    return await new Promise((resolve, reject) => {
      call(stub, metadata, { deadline: Date.now() + timeoutMs }, (error, response) => {
        if (response !== undefined) resolve(response);
        else reject(error ? fromServiceError(error) : new LiveError(status.INTERNAL, 'empty answer'));
      });
    });
  } finally {
    stub.close();
  }
}

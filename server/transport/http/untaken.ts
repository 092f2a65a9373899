import type { ServerResponse } from 'node:http';
import type { Clock } from '../../../common/clock.ts';
import type { Consumer } from '../../session/slow-consumers.ts';
import { HttpConnection } from './connection.ts';

/** Holds somebody to what is asked of slow consumers, until the function returned is called. */
export type Watch = (consumer: Consumer) => () => void;

/** Whoever does not take the end of an answer is a slow consumer, whatever was asked for. To be called before the answer begins. */
export function watchEnd(response: ServerResponse, clock: Clock, watch: Watch): void {
  // It is its turn, and all of it was handed over.
  response.once('prefinish', () => {
    // It came too late: its end was told before.
    if (response.destroyed) return;
    const connection = new HttpConnection(response);
    const terminate = (): void => connection.terminate();
    const forget = watch({
      connection,
      blockedSinceMs: clock.monotonicMs(),
      // The connection carries nothing else.
      reset: terminate,
      terminate,
    });
    response.once('close', forget);
  });
}

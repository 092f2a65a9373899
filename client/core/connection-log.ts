import type { ConnectionState } from './connection-state.ts';
import type { Logger } from './logger.ts';

/** Tells of a change of the connection's state. */
export function logState(logger: Logger, state: ConnectionState, previous: ConnectionState): void {
  const { kind: name, since: _, ...facts } = state;
  switch (name) {
    case 'idle':
      return;
    case 'connecting':
      return logger.debug('connecting', facts);
    case 'live':
      return logger.info(previous.kind === 'suspect' ? 'the gateway answered the probe' : 'connected', facts);
    case 'suspect':
      return logger.warn('the gateway is silent, and probed', facts);
    case 'moving':
      return logger.info('the gateway sends us elsewhere', facts);
    case 'backoff':
      return logger.warn('no connection', facts);
    case 'closed':
      if (state.cause === undefined) logger.debug('closed');
      else logger.error('closed: trying again would not help', facts);
  }
}

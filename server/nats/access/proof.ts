import type { Authenticator } from 'nats';
import type { Logger } from '../../observability/logging.ts';
import type { NatsAccess, NatsCredentials } from './access.ts';
import type { Proof } from './credentials.ts';
import { readCredentials } from './credentials.ts';
import { readTls } from './tls-files.ts';

/**
 * Makes sure that everything is there that a connection takes.
 * @throws AccessError, which names the setting
 */
export function checkAccess({ credentials, tls }: NatsAccess): void {
  readCredentials(credentials);
  readTls(tls);
}

/**
 * What the NATS client asks with every connection: reads the files anew each time, so that what was rotated is used. A throw would end the
 * connection for good, so while a file cannot be read, that is told once, and what was read last is tried.
 * @throws AccessError when they cannot be read now
 */
export function provesAnew(credentials: NatsCredentials, logger: Logger): Authenticator {
  let last: Proof = readCredentials(credentials);
  let said = '';
  return (nonce) => {
    try {
      last = readCredentials(credentials);
      said = '';
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== said)
        logger.error({ reason }, 'the credentials for NATS cannot be read: those read before are tried');
      said = reason;
    }
    return last(nonce);
  };
}

import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemClock } from '../../common/clock.ts';
import { findNatsServer } from '../../nats-server/binary.ts';
import type { ServerConfig } from '../config/config.ts';
import { checkAccess } from '../nats/access/proof.ts';
import type { LogLine, Logger } from '../observability/logging.ts';
import { certificateFiles } from '../tls/certificate-files.ts';
import { watchCertificates } from '../tls/certificate-watch.ts';
import { openAuthentication } from './authentication.ts';
import { natsAccess } from './nats-access.ts';

/** What was found, a line each. */
export interface Findings {
  /** With any of them a gateway would not start. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Reads what the settings name, as a start does, but serves nothing and asks no NATS server: certificates, keys, credentials, the audit log and
 * the program that is to be NATS. That an issuer does not answer is a warning: a gateway starts without it.
 */
export async function checkStart(config: ServerConfig): Promise<Findings> {
  const problems: string[] = [];
  const warnings: string[] = [];
  const logger = collector(warnings);
  for (const step of [checkNats, checkCertificates, checkKeys, checkAuditLog]) {
    try {
      await step(config, logger);
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  }
  return { problems, warnings };
}

async function checkNats(config: ServerConfig): Promise<void> {
  const found = natsAccess(config);
  if (found !== undefined) checkAccess(found);
  else if (config.natsServer !== undefined)
    await findNatsServer({ explicit: config.natsServer, onProgress: () => undefined });
}

async function checkCertificates(config: ServerConfig, logger: Logger): Promise<void> {
  const files = certificateFiles(config);
  if (files !== undefined) (await watchCertificates(files, systemClock, logger)).close();
}

async function checkKeys(config: ServerConfig, logger: Logger): Promise<void> {
  const authenticator = await openAuthentication(config, systemClock, logger);
  if (authenticator.kind === 'tokens') authenticator.verifier.close();
}

async function checkAuditLog({ auditLog }: ServerConfig): Promise<void> {
  if (auditLog === undefined) return;
  try {
    await access(auditLog, constants.W_OK).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return access(dirname(auditLog), constants.W_OK);
    });
  } catch (cause) {
    throw new Error(`--audit-log: ${auditLog} cannot be written: ${(cause as Error).message}`, { cause });
  }
}

/** What a start would have to say that is no news of a start that goes well. */
function collector(warnings: string[]): Logger {
  const unsaid = (): void => undefined;
  const note: LogLine = ({ err, url }, message) => {
    const why = err instanceof Error ? ` (${whole(err)})` : '';
    warnings.push(typeof url === 'string' ? `${url}: ${message}${why}` : `${message}${why}`);
  };
  return { debug: unsaid, info: unsaid, warn: note, error: note, fatal: note };
}

/** `fetch failed` says nothing: why, does. */
function whole({ message, cause }: Error): string {
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}

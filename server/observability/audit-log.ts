import { destination } from 'pino';
import type { Clock } from '../../common/clock.ts';
import type { Logger } from './logging.ts';
import { createLogger } from './logging.ts';
import type { SampledLog } from './sampled-log.ts';
import { sampledLog } from './sampled-log.ts';

/** What is on record of somebody. Never a token. */
export type AuditFacts = Readonly<Record<string, unknown>>;

/** Who did what, and who was refused what: for whoever has to find out later. */
export interface AuditLog {
  /** Notes what a moderator has done, each time. */
  action(facts: AuditFacts, message: string): void;
  /** Notes what was refused: of each reason some in a second, and how many more there were. */
  refusal(reason: string, facts: AuditFacts): void;
  close(): void;
}

/**
 * Each line says `audit`.
 * @param file that lines are added to; undefined: they are lines of the log
 * @throws when the file cannot be written
 */
export function openAuditLog(file: string | undefined, log: Logger, clock: Clock): AuditLog {
  if (file === undefined) return auditLog(log, clock);
  const stream = openFile(file);
  // Full, or gone: the gateway serves on.
  stream.on('error', (error: Error) => log.error({ err: error, file }, 'the audit log cannot be written'));
  const audit = auditLog(createLogger('info', stream), clock);
  return {
    ...audit,
    close() {
      audit.close();
      stream.end();
    },
  };
}

/** Several processes may add to it: each line is written at once, and whole. */
function openFile(file: string): ReturnType<typeof destination> {
  try {
    return destination({ dest: file, append: true, sync: true, mode: 0o600 });
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new Error(`--audit-log: ${file} cannot be written: ${problem}`, { cause: error });
  }
}

function auditLog(logger: Logger, clock: Clock): AuditLog {
  /** One for each reason: a flood of one hides no other. */
  const logs = new Map<string, SampledLog>();
  return {
    action: (facts, message) => logger.info({ audit: 'action', ...facts }, message),
    refusal(reason, facts) {
      const log = logs.get(reason) ?? sampledLog(logger, clock, { audit: 'refusal' });
      logs.set(reason, log);
      log.info({ reason, ...facts }, `refused: ${reason}`);
    },
    close() {
      for (const log of logs.values()) log.close();
    },
  };
}

import type { DestinationStream } from 'pino';
import { destination, pino, stdTimeFunctions } from 'pino';
import { redacted } from '../../common/node/redact.ts';

/** Severities, least severe first; `silent` writes nothing. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** The least severe lines that are written. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Writes one line: what happened, and the facts that belong to it. An `err` among the facts is written with its stack. */
export type LogLine = (facts: Readonly<Record<string, unknown>>, message: string) => void;

/** The part of a logger that the gateway uses. */
export interface Logger {
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
  readonly fatal: LogLine;
}

/** The logger of a process. */
export interface ProcessLogger extends Logger {
  /** The least severe lines that it writes, from now on when it is set. */
  level: string;
}

/**
 * One JSON object a line, to standard output unless told otherwise: `level` by name, `time` as ISO 8601 in UTC, `msg`,
 * and the facts. Whatever they are, no line has the credentials of an address.
 * @param base facts of every line
 */
export function createLogger(
  level: LogLevel,
  // Written at once: a line that is still on its way when the process exits comes behind its last words, or never.
  output: DestinationStream = destination({ sync: true }),
  base: Readonly<Record<string, unknown>> | null = null,
): ProcessLogger {
  const options = {
    level,
    base,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: { streamWrite: redacted },
  };
  return pino(options, output);
}

/**
 * The same for a part of the process that has nothing to say as long as all is well: only what is an error, or worse, is written.
 * @param base facts of every line: whose it is
 */
export function errorsOf(logger: Logger, base: Readonly<Record<string, unknown>>): Logger {
  const unsaid = (): void => undefined;
  return {
    debug: unsaid,
    info: unsaid,
    warn: unsaid,
    error: (facts, message) => logger.error({ ...base, ...facts }, message),
    fatal: (facts, message) => logger.fatal({ ...base, ...facts }, message),
  };
}

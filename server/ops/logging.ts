import type { DestinationStream } from 'pino';
import { pino, stdTimeFunctions } from 'pino';

/** Severities, least severe first; `silent` writes nothing. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** The least severe lines that are written. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Writes one line: what happened, and the facts that belong to it. An `err` among the facts is written with its stack. */
export type LogLine = (facts: Readonly<Record<string, unknown>>, message: string) => void;

/** The part of a logger that the gateway uses. */
export interface Logger {
  readonly trace: LogLine;
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
  readonly fatal: LogLine;
  /** True if lines of this level are written: facts that cost something are put together only then. */
  isLevelEnabled(level: LogLevel): boolean;
  /** A logger that adds `facts` to each of its lines. */
  child(facts: Readonly<Record<string, unknown>>): Logger;
}

/**
 * One JSON object a line, to standard output unless told otherwise: `level` by name, `time` as ISO 8601 in UTC, `msg`,
 * and the facts.
 */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

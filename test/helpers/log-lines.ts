import type { Logger } from '../../server/observability/logging.ts';

/** A line of a gateway's log. */
export interface LoggedLine {
  readonly level: keyof Logger;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A log that is kept. */
export class LogLines {
  readonly lines: LoggedLine[] = [];
  readonly logger: Logger = {
    debug: (facts, message) => void this.lines.push({ level: 'debug', facts, message }),
    info: (facts, message) => void this.lines.push({ level: 'info', facts, message }),
    warn: (facts, message) => void this.lines.push({ level: 'warn', facts, message }),
    error: (facts, message) => void this.lines.push({ level: 'error', facts, message }),
    fatal: (facts, message) => void this.lines.push({ level: 'fatal', facts, message }),
  };

  /** Those with this message. */
  with(message: string): LoggedLine[] {
    return this.lines.filter((line) => line.message === message);
  }
}

/**
 * Who is told what the client does about its connection and rooms: connections that are made, fail or fall silent, gaps, refusals that are tried again.
 * `console` is one. It is called in the midst of things: it may do anything but call the client. An error that it throws is an uncaught one, and
 * disturbs nobody else.
 */
export interface Logger {
  debug(message: string, facts?: object): void;
  info(message: string, facts?: object): void;
  warn(message: string, facts?: object): void;
  error(message: string, facts?: object): void;
}

const nothing = (): void => undefined;

/** Tells nobody. */
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** Tells `logger` everything, and keeps what it throws from the caller. */
export function guarded(logger: Logger): Logger {
  const tell =
    (level: keyof Logger) =>
    (message: string, facts?: object): void => {
      try {
        if (facts === undefined) logger[level](message);
        else logger[level](message, facts);
      } catch (error) {
        throwUncaught(error);
      }
    };
  return { debug: tell('debug'), info: tell('info'), warn: tell('warn'), error: tell('error') };
}

/** Throws where nobody is harmed by it, so that whoever runs the program hears of a defect in what the application gave us. */
export function throwUncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

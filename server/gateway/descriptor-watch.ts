import type { Clock, Timer } from '../../common/clock.ts';
import { hasDescriptors } from '../../common/node/descriptors.ts';
import type { Logger } from '../observability/logging.ts';

/** How often is looked, in milliseconds. */
const LOOK_MS = 1_000;

/**
 * Notices that the process may open no more files and sockets. Nobody else does: libuv then takes what waits to be accepted with a descriptor that it keeps for
 * that, and closes it, and Node is told nothing.
 */
export class DescriptorWatch {
  readonly #logger: Logger;
  readonly #timer: Timer;
  #exhausted = false;
  #times = 0;

  constructor(clock: Clock, logger: Logger) {
    this.#logger = logger;
    this.#timer = clock.every(LOOK_MS, () => this.#look());
  }

  /** How often it has come to that. */
  get times(): number {
    return this.#times;
  }

  close(): void {
    this.#timer.cancel();
  }

  #look(): void {
    const exhausted = !hasDescriptors();
    if (exhausted === this.#exhausted) return;
    this.#exhausted = exhausted;
    if (!exhausted) {
      this.#logger.info({}, 'files and sockets can be opened again: connections are accepted');
      return;
    }
    this.#times++;
    this.#logger.error(
      {},
      'no more files and sockets can be opened: connections are closed as they come, those that are open go on; raise the limit of open files (ulimit -n)',
    );
  }
}

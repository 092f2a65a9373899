import type { Clock, Timer } from '../../common/clock.ts';
import { coalesced } from '../../common/coalesce.ts';
import type { Logger } from '../observability/logging.ts';
import type { CertificateFiles } from './certificate-files.ts';
import { readCertificates } from './certificate-files.ts';
import type { Certificates } from './certificates.ts';
import { CurrentCertificates, expiryMs } from './certificates.ts';

/** How often the files are looked at, in milliseconds. */
const LOOK_MS = 5_000;

/** Certificates that follow their files. */
export interface WatchedCertificates {
  readonly current: CurrentCertificates;
  /** Looks at the files now, and says what came of it. */
  reload(): Promise<void>;
  close(): void;
}

/**
 * Reads certificates, and from then on looks whether their files have other contents: whether they are written over, renamed or
 * behind a link that moves, as in Kubernetes, makes no difference. What cannot be used is told, and the former ones stay.
 * @throws CertificateError if the first ones cannot be used
 */
export async function watchCertificates(
  files: CertificateFiles,
  clock: Clock,
  logger: Logger,
): Promise<WatchedCertificates> {
  const first = await readCertificates(files);
  tell(logger, first, clock, 'certificates read');
  return new Watch(files, new CurrentCertificates(first), clock, logger);
}

class Watch implements WatchedCertificates {
  readonly current: CurrentCertificates;
  readonly #files: CertificateFiles;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #timer: Timer;
  readonly #look = coalesced(() => this.#compare());
  /** What was wrong at the last look, and whether the log has it. */
  #problem: { readonly message: string; readonly told: boolean } | undefined;
  #asked = false;

  constructor(files: CertificateFiles, current: CurrentCertificates, clock: Clock, logger: Logger) {
    this.#files = files;
    this.current = current;
    this.#clock = clock;
    this.#logger = logger;
    this.#timer = clock.every(LOOK_MS, () => void this.#look());
  }

  reload(): Promise<void> {
    this.#asked = true;
    return this.#look();
  }

  close(): void {
    this.#timer.cancel();
  }

  async #compare(): Promise<void> {
    const asked = this.#asked;
    this.#asked = false;
    try {
      this.#adopt(await readCertificates(this.#files), asked);
      this.#problem = undefined;
    } catch (error) {
      this.#refuse(error as Error, asked);
    }
  }

  #adopt(found: Certificates, asked: boolean): void {
    const { now } = this.current;
    if (found.cert !== now.cert || found.key !== now.key || found.clientCa !== now.clientCa) {
      this.current.replace(found);
      tell(this.#logger, found, this.#clock, 'certificates replaced');
    } else if (asked) {
      this.#logger.info({}, 'certificates are as they were');
    }
  }

  /** Who writes a certificate and then its key has a pair that does not match in between: unless somebody asked, it is told when it stays so. */
  #refuse({ message }: Error, asked: boolean): void {
    const again = this.#problem?.message === message;
    const due = asked || (again && this.#problem?.told === false);
    if (due) this.#logger.error({ reason: message }, 'certificates cannot be replaced: the former ones stay');
    this.#problem = { message, told: due || (again && this.#problem?.told === true) };
  }
}

function tell(logger: Logger, certificates: Certificates, clock: Clock, message: string): void {
  const expires = expiryMs(certificates);
  const facts = { expires: new Date(expires).toISOString() };
  if (expires > clock.wallMs()) logger.info(facts, message);
  else logger.error(facts, `${message}, but expired: clients will refuse the gateway`);
}

import type { Socket } from 'node:net';
import { canonicalAddress } from '../../../common/node/network.ts';
import type { Clock } from '../../../common/clock.ts';
import type { Address } from '../../../common/units.ts';
import type { Logger } from '../../observability/logging.ts';
import type { SampledLog } from '../../observability/sampled-log.ts';
import { sampledLog } from '../../observability/sampled-log.ts';
import type { Origins } from './origins.ts';
import { peerName } from './peer-name.ts';
import { proxyHeader } from './proxy-header.ts';

/** How long a header may take to come, in milliseconds. */
const HEADER_MS = 10_000;

/** Reads the headers with which proxies begin connections. */
export class ProxyProtocol {
  readonly #clock: Clock;
  readonly #origins: Pick<Origins, 'trusts'>;
  readonly #refusals: SampledLog;

  /** @param origins which proxies are trusted */
  constructor(origins: Pick<Origins, 'trusts'>, clock: Clock, logger: Logger) {
    this.#origins = origins;
    this.#clock = clock;
    this.#refusals = sampledLog(logger, clock);
  }

  /**
   * Takes the header off a new connection, and hands on what is behind it. A trusted proxy has to send one: by what comes without, viewers could make
   * up their own. Everybody else must not. Who does otherwise is cut off.
   * @param serve is told where the connection comes from, if that is not its other end
   */
  accept(socket: Socket, serve: (source: Address | undefined) => void): void {
    const trusted = this.#origins.trusts(canonicalAddress(socket.remoteAddress ?? ''));
    let received: Buffer = Buffer.alloc(0);
    const timer = this.#clock.after(HEADER_MS, () => this.#refuse(socket, 'it did not come in time'));
    const closed = (): void => timer.cancel();
    const handOver = (source: Address | undefined, rest: Buffer): void => {
      timer.cancel();
      socket.off('close', closed);
      socket.off('data', take);
      // What is put back is read by whoever comes next: TLS and HTTP/2 ask for what a socket holds before they take over its handle.
      socket.pause();
      if (rest.length > 0) socket.unshift(rest);
      serve(source);
    };
    const take = (bytes: Buffer): void => {
      received = Buffer.concat([received, bytes]);
      const header = proxyHeader(received);
      switch (header.kind) {
        case 'incomplete':
          return;
        case 'malformed':
          return this.#refuse(socket, 'it is malformed');
        case 'absent':
          if (trusted) return this.#refuse(socket, 'a trusted proxy sent none');
          return handOver(undefined, received);
        case 'present':
          if (!trusted)
            return this.#refuse(socket, 'it comes from an address that is not in --trusted-proxies');
          return handOver(header.source, received.subarray(header.length));
      }
    };
    socket.once('close', closed);
    socket.on('data', take);
  }

  close(): void {
    this.#refusals.close();
  }

  #refuse(socket: Socket, problem: string): void {
    this.#refusals.info(
      { peer: peerName(socket), reason: `the header of the PROXY protocol: ${problem}` },
      'connection refused',
    );
    socket.destroy();
  }
}

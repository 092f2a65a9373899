import type { Socket } from 'node:net';
import type { ConnectionRefusals } from './connection-refusals.ts';
import { peerName } from './peer-name.ts';

/** TCP connections open at once; Infinity: as many as come. */
export interface AdmissionLimits {
  readonly connections: number;
  readonly ofAddress: number;
}

/** Lets connections in, so many in all and so many of one address. */
export class Admission {
  #limits: AdmissionLimits;
  readonly #refusals: Pick<ConnectionRefusals, 'refuse'>;
  readonly #byAddress = new Map<string, number>();
  #connections = 0;

  constructor(limits: AdmissionLimits, refusals: Pick<ConnectionRefusals, 'refuse'>) {
    this.#limits = limits;
    this.#refusals = refusals;
  }

  /** Other limits hold for connections from now on. Those that came while addresses had no limit are not counted for theirs. */
  limit(limits: AdmissionLimits): void {
    this.#limits = limits;
  }

  /** Whether a connection is let in, of which nothing was read, until {@link left}; one that is not is to be closed. */
  admit(socket: Socket): boolean {
    if (this.#connections >= this.#limits.connections) return this.#refuse('CONNECTION_LIMIT', socket);
    this.#connections++;
    return true;
  }

  /** One that was let in is closed. */
  left(): void {
    this.#connections--;
  }

  /** Whether it is let in from an address, once that is known; one that is not is to be closed. */
  admitFrom(socket: Socket, address: string): boolean {
    if (this.#limits.ofAddress === Infinity) return true;
    const ofAddress = this.#byAddress.get(address) ?? 0;
    if (ofAddress >= this.#limits.ofAddress) return this.#refuse('ADDRESS_CONNECTION_LIMIT', socket);
    this.#byAddress.set(address, ofAddress + 1);
    socket.once('close', () => this.#leave(address));
    return true;
  }

  /** One is to be closed because of its address: see {@link Probation}. */
  refuseSuspect(socket: Socket): void {
    this.#refuse('SUSPECT_ADDRESS', socket);
  }

  #leave(address: string): void {
    const ofAddress = (this.#byAddress.get(address) as number) - 1;
    if (ofAddress > 0) this.#byAddress.set(address, ofAddress);
    else this.#byAddress.delete(address);
  }

  #refuse(reason: Parameters<ConnectionRefusals['refuse']>[0], socket: Socket): false {
    this.#refusals.refuse(reason, peerName(socket));
    return false;
  }
}

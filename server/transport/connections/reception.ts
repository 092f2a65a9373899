import type { Socket } from 'node:net';
import type { Address } from '../../../common/units.ts';
import type { Admission } from './admission.ts';
import type { Origins } from './origins.ts';
import { peerName } from './peer-name.ts';
import type { Probation } from './probation.ts';
import type { ProxyProtocol } from './proxy-protocol.ts';

/** What a TCP connection passes before anything is served on it. */
export interface Reception {
  /** Told which connections there are, and where they come from. */
  readonly origins: Origins;
  /** Who is let in; absent: everybody. */
  readonly admission?: Pick<Admission, 'admit' | 'admitFrom' | 'left' | 'refuseSuspect'> | undefined;
  /** Whose connections wait; absent: nobody's. */
  readonly probation?: Pick<Probation, 'admit' | 'suspect'> | undefined;
  /** Absent: nothing but what the client says comes first. */
  readonly proxyProtocol?: ProxyProtocol | undefined;
}

/**
 * Lets a new connection in, or not: it is then destroyed. Whoever serves it calls {@link dismiss} when it is closed, by a listener that it has anyway: each
 * takes memory for every viewer.
 */
export function admit(socket: Socket, { admission }: Reception): boolean {
  const admitted = admission?.admit(socket) !== false;
  if (!admitted) socket.resetAndDestroy();
  return admitted;
}

/**
 * Has a connection served that was let in, once it is known where it comes from and it is its turn; or destroys it.
 * @param serve called at once or later, or never
 */
export function enter(
  socket: Socket,
  { origins, admission, probation, proxyProtocol }: Reception,
  serve: () => void,
): void {
  const enterFrom = (source?: Address): void => {
    const client = origins.enter(peerName(socket), source);
    if (client === undefined) return serve();
    if (admission?.admitFrom(socket, client) === false) socket.resetAndDestroy();
    else if (probation === undefined) serve();
    else if (!probation.admit(client, serve)) {
      admission?.refuseSuspect(socket);
      socket.resetAndDestroy();
    }
  };
  if (proxyProtocol === undefined) enterFrom();
  else proxyProtocol.accept(socket, enterFrom);
}

/**
 * A connection that was let in is closed.
 * @param peer its name, as it was while it was open
 */
export function dismiss(peer: string, { origins, admission }: Reception): void {
  origins.forget(peer);
  admission?.left();
}

/** A connection has done what none may do: its address is on probation. */
export function suspect(peer: string, { origins, probation }: Reception): void {
  const client = origins.clientOf(peer);
  if (client !== undefined) probation?.suspect(client);
}

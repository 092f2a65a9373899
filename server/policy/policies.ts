import { matchesRoomPattern } from '../../protos/rights.ts';
import type { Namespace, Policy } from './namespace.ts';
import { NO_POLICY } from './namespace.ts';

/** What holds in which room: the first namespace that its name fits counts, and no other. */
export class Policies {
  #namespaces: readonly Namespace[];

  constructor(namespaces: readonly Namespace[] = []) {
    this.#namespaces = namespaces;
  }

  /** @param room a name, or what is to become one: what fits no pattern has no policy */
  of(room: string): Policy {
    for (const namespace of this.#namespaces) if (matchesRoomPattern(namespace.rooms, room)) return namespace;
    return NO_POLICY;
  }

  /** Other namespaces hold from now on, for what is asked from now on. */
  replace(namespaces: readonly Namespace[]): void {
    this.#namespaces = namespaces;
  }
}

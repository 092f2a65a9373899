import { setPriority } from 'node:os';
import type { CallFloodKind } from '../wire/call-flood.ts';
import { CALL_FLOOD_KINDS, CallFlood } from '../wire/call-flood.ts';
import type { FloodKind } from '../wire/flood.ts';
import { FLOOD_KINDS, Flood } from '../wire/flood.ts';
import { serve } from './worker.ts';

export const ATTACK_KINDS: readonly (FloodKind | CallFloodKind)[] = [...CALL_FLOOD_KINDS, ...FLOOD_KINDS];
export type AttackKind = (typeof ATTACK_KINDS)[number];

/** Attackers to set loose, each with a connection of its own. */
export interface Attackers {
  readonly port: number;
  readonly kind: AttackKind;
  readonly connections: number;
}

/** Others first: attackers would come by machines of their own. */
const LOWEST_PRIORITY = 19;

let attackers: (Flood | CallFlood)[] = [];

function isCallFlood(kind: AttackKind): kind is CallFloodKind {
  return (CALL_FLOOD_KINDS as readonly string[]).includes(kind);
}

const attackerMethods = {
  begin({ port, kind, connections }: Attackers): void {
    setPriority(LOWEST_PRIORITY);
    attackers = Array.from({ length: connections }, () =>
      isCallFlood(kind) ? new CallFlood(port, kind) : new Flood({ host: '127.0.0.1', port }, kind),
    );
  },
  /** Ends the attack; what was sent in all, and how often a connection was closed. */
  end(): { readonly frames: number; readonly closed: number } {
    const counts = attackers.map((attacker) => attacker.counts);
    for (const attacker of attackers.splice(0)) attacker.stop();
    return {
      frames: counts.reduce((sum, { frames }) => sum + frames, 0),
      closed: counts.reduce((sum, { closed }) => sum + closed, 0),
    };
  },
};

/** What the attackers' process can be asked. */
export type AttackerMethods = typeof attackerMethods;

serve(attackerMethods);

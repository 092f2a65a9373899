import type { FaultKind } from './catalogue.ts';
import { faultNames, traitsOf } from './catalogue.ts';
import { profileNames, profiles } from './profiles.ts';
import { CATCH_UP_MS } from './waits.ts';

/** What a person reads of profiles, faults and the course of a run. */
export const DESCRIPTION = `Profiles:
${table(profileNames.map((name) => [name, profiles[name].about]))}

Faults on a viewer's link or device:
${faultTable('viewer')}
Faults on a connection that a proxy puts several viewers on, without --server only:
${faultTable('pool')}
Backend faults, without --server only:
${faultTable('backend')}
Faults of a cluster, with --nats-cluster only:
${faultTable('cluster')}

The schedule follows from the seed alone. Faults come and messages are published for --duration; then all is healed
and everyone may catch up, for ${CATCH_UP_MS / 1_000} s at most. Ctrl-C goes there at once, a second one ends everything.`;

function faultTable(kind: FaultKind): string {
  const names = faultNames.filter((name) => traitsOf(name).kind === kind);
  return table(names.map((name) => [name, traitsOf(name).about]));
}

function table(rows: readonly (readonly [name: string, about: string])[]): string {
  return rows.map(([name, about]) => `  ${name.padEnd(19)} ${about}`).join('\n');
}

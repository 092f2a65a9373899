/*
 * Loaded into a gateway that is measured (see docs/bench.md): how old messages are when they come from NATS and when they are handed to a viewer's
 * socket, and for how long the collector stops everything. It says so on standard error when the gateway ends.
 */
import { Duplex, Readable } from 'node:stream';
import { PerformanceObserver } from 'node:perf_hooks';
import { agesIn } from '../wire/payload.ts';
import { percentile } from './statistics.ts';

/** Of writes one in so many is looked at, so that looking changes little; any number that does not divide the viewers. */
const EVERY = 7;
const SHARES = [0.5, 0.9, 0.99, 0.999, 1] as const;

const stages: Readonly<Record<string, number[]>> = { 'from NATS': [], 'to a socket': [], collector: [] };

const note = (stage: string, micros: number): void => void stages[stage]?.push(micros);

function noteAges(stage: string, chunk: unknown): void {
  if (chunk instanceof Buffer) agesIn(chunk, 0, chunk.length, (micros) => note(stage, micros));
}

/** Calls `first` with the first argument of a method before it is called. */
function before<K extends string>(
  prototype: Record<K, (...args: never[]) => unknown>,
  name: K,
  first: (argument: unknown) => void,
): void {
  const original = prototype[name];
  prototype[name] = function (this: unknown, ...args: never[]) {
    first(args[0]);
    return original.apply(this, args);
  };
}

let writes = 0;
before(Duplex.prototype as never, 'write', (chunk) => {
  if (writes++ % EVERY === 0) noteAges('to a socket', chunk);
});
before(Readable.prototype as never, 'push', (chunk) => noteAges('from NATS', chunk));
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) note('collector', duration * 1000);
}).observe({ entryTypes: ['gc'] });

process.on('exit', () => {
  for (const [stage, micros] of Object.entries(stages)) {
    const ascending = Float64Array.from(micros).sort();
    const shares = SHARES.map(
      (share) => `p${share * 100} ${(percentile(ascending, share) / 1000).toFixed(1)}`,
    );
    process.stderr.write(`${stage}, ms: ${shares.join(', ')} (${ascending.length})\n`);
  }
});

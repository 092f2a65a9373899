import { UsageError } from '../../common/errors.ts';
import type { FaultName } from './catalogue.ts';
import { faultNames, isFaultName } from './catalogue.ts';

const MAX_SEED = 0xffff_ffff;

/** The seed of a schedule. @throws UsageError */
export function parseSeed(text: string): number {
  const seed = Number(text);
  if (!/^\d+$/.test(text) || seed > MAX_SEED)
    throw new UsageError(`A seed is a whole number from 0 to ${MAX_SEED}.`);
  return seed;
}

/** How many gateways are run. @throws UsageError */
export function parseGateways(text: string): number {
  if (!/^[1-9]$/.test(text)) throw new UsageError('It runs 1 to 9 gateways.');
  return Number(text);
}

/** How many nats-servers a cluster has. @throws UsageError */
export function parseClusterSize(text: string): number {
  if (text !== '3' && text !== '5') throw new UsageError('A cluster has 3 or 5 servers.');
  return Number(text);
}

/** `half-open` or, with its weight as it is written, `half-open=3`. @throws UsageError */
export function parseFault(text: string): { readonly name: FaultName; readonly weight: string } {
  const [name = '', weight = '1'] = text.split('=', 2);
  if (!isFaultName(name)) throw new UsageError(`The faults are ${faultNames.join(', ')}.`);
  return { name, weight };
}

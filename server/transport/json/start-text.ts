import type { StartInput } from '../../../protos/gen/live/v1/Start.ts';
import { Failure } from '../../session/failure.ts';

/**
 * Where to begin, in an address.
 * @throws Failure START_INVALID
 */
export function parseStart(text: string): StartInput {
  if (text === 'live') return { live: {} };
  if (text === 'earliest') return { earliest: {} };
  const [, count] = /^last:(\d{1,9})$/.exec(text) ?? [];
  if (count !== undefined) return { last: Number(count) };
  throw new Failure('START_INVALID', `from=${text.slice(0, 40)}: live, earliest or last:N`);
}

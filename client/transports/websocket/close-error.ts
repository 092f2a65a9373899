import { status } from '../../../protos/status-codes.ts';
import { LiveError, reasonNamed } from '../../core/errors.ts';

/** Close codes of an application's own begin here; ours is this and a gRPC status code. */
const STATUS_CLOSE_CODE = 4000;

const NORMAL = 1000;
const ABNORMAL = 1006;

/**
 * What a stream ended with that ended by closing the WebSocket; undefined: with OK.
 * @param reason of the gateway: `REASON: text`
 */
export function fromClose(code: number, reason: string): LiveError | undefined {
  if (code === NORMAL) return undefined;
  if (code > STATUS_CLOSE_CODE && code <= STATUS_CLOSE_CODE + status.UNAUTHENTICATED) {
    const [, name = '', text = reason] = /^([A-Z][A-Z0-9_]*): (.*)$/s.exec(reason) ?? [];
    return new LiveError(code - STATUS_CLOSE_CODE, text, { reason: reasonNamed(name) });
  }
  const said = reason === '' ? '' : `: ${reason}`;
  if (code === ABNORMAL) return new LiveError(status.UNAVAILABLE, `the connection failed${said}`);
  return new LiveError(status.UNAVAILABLE, `the connection was closed with ${code}${said}`);
}

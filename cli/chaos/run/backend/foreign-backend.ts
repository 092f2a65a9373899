import type { Target } from '../../links/proxy.ts';
import type { Backend } from './backend.ts';

/** Gateways that somebody else runs: nothing behind them can be touched or asked. */
export function foreignBackend(gateways: readonly Target[]): Backend {
  return {
    gateways,
    failed: new Promise(() => undefined),
    apply: ({ name }) => Promise.reject(new Error(`${name} needs gateways of the tool's own`)),
    historyReads: () => Promise.resolve(0),
    close: () => Promise.resolve(),
  };
}

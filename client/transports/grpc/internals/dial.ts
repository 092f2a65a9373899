import type { ChannelOptions } from '@grpc/grpc-js';
import { experimental } from '@grpc/grpc-js';

/*
 * Access: `experimental.createResolver` and `experimental.registerResolver`, which may change in any version, and that the fields of an address are passed
 * to `net.connect` as they are.
 * If it changes: nothing connects (the scheme is not known), or an attempt to connect to an address that does not answer outlives its link, and keeps the
 * process from ending for two minutes.
 * Instead, once there is one: `Client.close` that takes connecting sockets along (grpc-node has none), or the public option of revealed-socket.ts.
 */

type ResolverListener = Parameters<typeof experimental.createResolver>[1];
type Target = Parameters<typeof experimental.createResolver>[0];
type Endpoints = Parameters<ResolverListener>[0];

/** Not a name that a host may have. */
const SCHEME = 'live+abortable';

const SIGNAL_OPTION = 'live.abort_signal';

/**
 * Resolves as grpc-js does, and hands it addresses with a signal on them: they are the options of `net.connect`. Closing a channel does not
 * end the attempt to connect that is under way, which takes the kernel two minutes to give up and keeps the process until then.
 */
class AbortableResolver implements experimental.Resolver {
  static getDefaultAuthority({ path }: Target): string {
    return path;
  }

  readonly #inner: experimental.Resolver;

  constructor({ path }: Target, listener: ResolverListener, options: ChannelOptions) {
    const signal = options[SIGNAL_OPTION] as AbortSignal;
    this.#inner = experimental.createResolver(
      { scheme: 'dns', path },
      (endpoints, ...rest) => listener(withSignal(endpoints, signal), ...rest),
      options,
    );
  }

  updateResolution(): void {
    this.#inner.updateResolution();
  }

  destroy(): void {
    this.#inner.destroy();
  }
}

experimental.registerResolver(SCHEME, AbortableResolver);

/** The target of a channel to `endpoint` (host:port) with the options of {@link abortable}. */
export function abortableTarget(endpoint: string): string {
  return `${SCHEME}:${endpoint}`;
}

/** Options of a channel whose sockets, connected or not, are gone as soon as `signal` is aborted. */
export function abortable(options: ChannelOptions, signal: AbortSignal): ChannelOptions {
  return { ...options, [SIGNAL_OPTION]: signal };
}

function withSignal(endpoints: Endpoints, signal: AbortSignal): Endpoints {
  if (!endpoints.ok) return endpoints;
  const value = endpoints.value.map(({ addresses }) => ({
    addresses: addresses.map((address) => ({
      ...address,
      // A socket that is made with a signal aborted before connects nevertheless.
      get signal(): AbortSignal {
        signal.throwIfAborted();
        return signal;
      },
    })),
  }));
  return { ...endpoints, value };
}

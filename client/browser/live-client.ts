import { status } from '../../protos/status-codes.ts';
import { CoreClient } from '../core/client.ts';
import { parseEndpoint } from '../core/endpoint.ts';
import { LiveError } from '../core/errors.ts';
import type { ClientOptions, JoinOptions } from '../core/options.ts';
import type { RoomSubscription } from '../core/subscription.ts';
import { webSocketTransport } from '../transports/websocket/transport.ts';
import { browserNetwork } from './network.ts';
import { onReturn } from './page-returns.ts';
import { SlicedSubscription } from './sliced-subscription.ts';
import { TaskSlices } from './task-slices.ts';

/** Of all clients: a page, or a worker, has one thread for them. Browsers keep the ports of one that is not in use any more. */
const slices = new TaskSlices();

/** How long the answer to a probe may take when the page is back from somewhere, in milliseconds: so that it is live again within two seconds. */
const RETURN_PROBE_MS = 1_000;

/** How a client in a page or worker is made. */
export interface BrowserClientOptions extends ClientOptions {
  /** What connections are made of; that of the browser unless given. A class of your own may watch them, or disturb them for a test. */
  readonly WebSocket?: typeof WebSocket;
}

/** A {@link CoreClient} in a page or worker: by WebSocket, and probing at once when the page, the network or the machine is back from somewhere. */
export class LiveClient extends CoreClient {
  /**
   * @param options with endpoints as `wss://host[:port]` or `https://host[:port]`, which is the same here, so that `location.origin` is one; `ws://` and `http://`
   *   where the page has no TLS either
   * @throws LiveError INVALID_ARGUMENT that names the option which makes no sense
   */
  constructor(options: BrowserClientOptions) {
    const SocketClass = options.WebSocket ?? WebSocket;
    super({ ...options, transport: webSocketTransport(browserNetwork(SocketClass)) });
    for (const endpoint of options.endpoints) checkScheme(endpoint);
    const release = onReturn(() => this.probe(RETURN_PROBE_MS));
    this.on('state', ({ kind }) => {
      if (kind === 'closed') release();
    });
  }

  /** As in {@link CoreClient}; and what waits for the application is given out in slices, so that the page stays responsive however much that is. */
  override join(room: string, options?: JoinOptions): RoomSubscription {
    return new SlicedSubscription(super.join(room, options), slices);
  }
}

function checkScheme(endpoint: string): void {
  if (parseEndpoint(endpoint)?.security !== 'unsaid') return;
  throw new LiveError(
    status.INVALID_ARGUMENT,
    `endpoints have to be wss://host[:port] or ws://host[:port], not ${endpoint}`,
  );
}

import type { Socket } from 'node:net';
import type { ChannelOptions, ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import { ChannelCredentials } from '@grpc/grpc-js';
import { resetSocket } from '../../../common/node/reset-socket.ts';
import type { ClientFrameInput } from '../../../protos/live.ts';
import { LiveStub, liveService } from '../../../protos/live.ts';
import type { Counters } from '../../core/counters.ts';
import { abortable, abortableTarget } from './dial.ts';
import type { LiveError } from '../../core/errors.ts';
import { fromServiceError } from '../../core/errors.ts';
import type { IncomingFrame } from './incoming-frame.ts';
import { incomingFrame } from './incoming-frame.ts';
import type { ReceivedFrame } from '../../core/receive-frame.ts';
import { receiveFrame } from '../../core/receive-frame.ts';
import type { Link, LinkHandlers, Transport } from '../../core/transport.ts';

/** HTTP/2 keepalive, in milliseconds. It must allow for the longest stall of either event loop, and for what is on its way by a slow link. */
export interface KeepaliveOptions {
  readonly timeMs: number;
  readonly timeoutMs: number;
}

/**
 * HTTP/2 keepalive unless the application says otherwise. The answer to a ping comes behind what is on its way, up to a whole {@link flowControlWindow}: on a link of
 * 12 kB/s that takes 21 s. That a link is dead is noticed sooner, by silence.
 */
export const defaultKeepalive: KeepaliveOptions = { timeMs: 20_000, timeoutMs: 30_000 };

/** Room for one large replay frame and the next one behind it, before the gateway has to wait. */
const flowControlWindow = 256 * 1024;

/** Options of every channel of this client: one connection, no retries and no look-ups that we did not ask for. */
export function channelOptions(keepalive: KeepaliveOptions): ChannelOptions {
  return {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_channelz': 0,
    'grpc.keepalive_time_ms': keepalive.timeMs,
    'grpc.keepalive_timeout_ms': keepalive.timeoutMs,
    'grpc.max_receive_message_length': -1,
    'grpc-node.flow_control_window': flowControlWindow,
  };
}

type SecureConnector = ReturnType<ChannelCredentials['_createSecureConnector']>;

/**
 * Credentials that show the TCP socket under a channel. Cancelling a call and closing its channel wait for
 * the peer, and a peer that is gone never answers: only the socket's owner can end such a connection.
 */
class SocketRevealingCredentials extends ChannelCredentials {
  readonly #inner: ChannelCredentials;
  readonly #reveal: (socket: Socket) => void;

  constructor(inner: ChannelCredentials, reveal: (socket: Socket) => void) {
    super();
    this.#inner = inner;
    this.#reveal = reveal;
  }

  override _isSecure(): boolean {
    return this.#inner._isSecure();
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(
    ...args: Parameters<ChannelCredentials['_createSecureConnector']>
  ): SecureConnector {
    const connector = this.#inner._createSecureConnector(...args);
    return {
      connect: (socket) => {
        this.#reveal(socket);
        return connector.connect(socket);
      },
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => connector.destroy(),
    };
  }
}

class GrpcLink implements Link {
  readonly #stub: InstanceType<typeof LiveStub>;
  readonly #call: ClientDuplexStream<ClientFrameInput, ReceivedFrame>;
  #socket: Socket | undefined;
  /** Takes away a socket that is still connecting, too. */
  readonly #abandon = new AbortController();
  /** `ended`: the stream is over and its owner knows; the connection is still there until `destroyed`. */
  #state: 'open' | 'ended' | 'destroyed' = 'open';

  constructor(
    endpoint: string,
    credentials: ChannelCredentials,
    options: ChannelOptions,
    counters: Counters,
    handlers: LinkHandlers,
  ) {
    this.#stub = new LiveStub(
      abortableTarget(endpoint),
      new SocketRevealingCredentials(credentials, (socket) => this.#adopt(socket)),
      abortable(options, this.#abandon.signal),
    );
    this.#call = this.#stub.makeBidiStreamRequest<ClientFrameInput, ReceivedFrame>(
      liveService.Connect.path,
      (frame) => liveService.Connect.requestSerialize(frame),
      (bytes) => {
        counters.bytesReceived += bytes.length;
        return receiveFrame(bytes);
      },
    );
    // The error listener stays for good: a call reports its own cancellation as an error.
    this.#call.on('error', (error: ServiceError) => this.#end(handlers, fromServiceError(error)));
    this.#call.on('end', () => this.#end(handlers, undefined));
    this.#call.on('data', ({ frame, bytes }: ReceivedFrame) => {
      if (this.#state === 'open') handlers.frame(frame, bytes);
    });
  }

  send(frame: ClientFrameInput): void {
    if (this.#state === 'open' && this.#call.writable) this.#call.write(frame);
  }

  get bytesReceived(): number {
    return this.#socket?.bytesRead ?? 0;
  }

  get incoming(): IncomingFrame | undefined {
    return incomingFrame(this.#call);
  }

  destroy(): void {
    if (this.#state === 'destroyed') return;
    this.#state = 'destroyed';
    this.#call.cancel();
    this.#stub.close();
    // A reset, not a FIN: what is still unsent to a dead peer must not linger in the kernel.
    if (this.#socket !== undefined) resetSocket(this.#socket);
    this.#abandon.abort();
  }

  #end(handlers: LinkHandlers, error: LiveError | undefined): void {
    if (this.#state !== 'open') return;
    this.#state = 'ended';
    handlers.end(error);
  }

  #adopt(socket: Socket): void {
    if (this.#state === 'destroyed') resetSocket(socket);
    else this.#socket = socket;
  }
}

/** A transport on @grpc/grpc-js: every link has a channel, and so a TCP connection, of its own. */
export function grpcTransport(
  credentials: ChannelCredentials,
  keepalive: KeepaliveOptions,
  counters: Counters,
): Transport {
  const options = channelOptions(keepalive);
  return {
    open: (endpoint, handlers) => new GrpcLink(endpoint, credentials, options, counters, handlers),
  };
}

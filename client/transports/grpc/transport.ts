import type { Socket } from 'node:net';
import type { ChannelOptions, ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import { resetSocket } from '../../../common/node/reset-socket.ts';
import type { ClientFrameInput } from '../../../protos/live.ts';
import { LiveStub, liveService } from '../../../protos/live.ts';
import { checkDuration } from '../../core/check-options.ts';
import type { LiveError } from '../../core/errors.ts';
import type { IncomingFrame, Link, LinkHandlers, Transport } from '../../core/transport.ts';
import { GrpcCalls } from './calls.ts';
import type { KeepaliveOptions } from '../keepalive.ts';
import { defaultKeepalive } from '../keepalive.ts';
import type { Dialling, SecurityOptions } from './dialling.ts';
import { dialler } from './dialling.ts';
import { fromServiceError } from './errors.ts';
import { abortable, abortableTarget } from './internals/dial.ts';
import { incomingFrame } from './internals/incoming-frame.ts';
import { SocketRevealingCredentials } from './internals/revealed-socket.ts';
import type { ReceivedFrame } from './receive-frame.ts';
import { receiveFrame } from './receive-frame.ts';

/** Room for one large replay frame and the next one behind it, before the gateway has to wait. */
const FLOW_CONTROL_WINDOW = 256 * 1024;

/** Options of every channel of this client: one connection, no retries and no look-ups that we did not ask for. */
function channelOptions(keepalive: KeepaliveOptions): ChannelOptions {
  return {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_channelz': 0,
    'grpc.keepalive_time_ms': keepalive.timeMs,
    'grpc.keepalive_timeout_ms': keepalive.timeoutMs,
    'grpc.max_receive_message_length': -1,
    'grpc-node.flow_control_window': FLOW_CONTROL_WINDOW,
  };
}

class GrpcLink implements Link {
  readonly #stub: InstanceType<typeof LiveStub>;
  readonly #call: ClientDuplexStream<ClientFrameInput, ReceivedFrame>;
  #socket: Socket | undefined;
  /** Takes away a socket that is still connecting, too. */
  readonly #abandon = new AbortController();
  /** `ended`: the stream is over and its owner knows; the connection is still there until `destroyed`. */
  #state: 'open' | 'ended' | 'destroyed' = 'open';

  constructor({ address, credentials }: Dialling, options: ChannelOptions, handlers: LinkHandlers) {
    this.#stub = new LiveStub(
      abortableTarget(address),
      new SocketRevealingCredentials(credentials, (socket) => this.#adopt(socket)),
      abortable(options, this.#abandon.signal),
    );
    this.#call = this.#stub.makeBidiStreamRequest<ClientFrameInput, ReceivedFrame>(
      liveService.Connect.path,
      (frame) => liveService.Connect.requestSerialize(frame),
      receiveFrame,
    );
    // The error listener stays for good: a call reports its own cancellation as an error.
    this.#call.on('error', (error: ServiceError) => this.#end(handlers, fromServiceError(error)));
    this.#call.on('end', () => this.#end(handlers, undefined));
    this.#call.on('data', ({ frame, bytes, receivedBytes }: ReceivedFrame) => {
      if (this.#state === 'open') handlers.frame(frame, bytes, receivedBytes);
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

/** How gateways are reached by gRPC. */
export interface GrpcTransportOptions extends SecurityOptions {
  /** HTTP/2 keepalive beside the in-band probe. It also watches while reading is paused. */
  readonly keepalive?: KeepaliveOptions;
}

/**
 * A transport on @grpc/grpc-js: every link has a channel, and so a TCP connection, of its own.
 * @throws LiveError INVALID_ARGUMENT that names the option which makes no sense
 */
export function grpcTransport({
  keepalive = defaultKeepalive,
  ...security
}: GrpcTransportOptions = {}): Transport {
  checkDuration('keepalive.timeMs', keepalive.timeMs);
  checkDuration('keepalive.timeoutMs', keepalive.timeoutMs);
  const options = channelOptions(keepalive);
  const dial = dialler(security);
  const calls = new GrpcCalls(dial, options);
  return {
    open: (endpoint, handlers) => new GrpcLink(dial(endpoint), options, handlers),
    getRoom: (endpoint, request, callOptions) => calls.getRoom(endpoint, request, callOptions),
    pull: (endpoint, request, callOptions) => calls.pull(endpoint, request, callOptions),
    close: () => calls.close(),
  };
}

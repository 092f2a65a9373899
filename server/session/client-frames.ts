import type { Join } from '../../protos/gen/live/v1/Join.ts';
import type { Publish } from '../../protos/gen/live/v1/Publish.ts';
import type { Renew } from '../../protos/gen/live/v1/Renew.ts';
import type { ClientFrame, ServerFrameInput } from '../../protos/live.ts';
import type { Access } from './access.ts';
import { Failure } from './failure.ts';
import { Publishes } from './publishes.ts';
import { parseSeq } from './requests.ts';
import type { SessionDependencies } from './session-dependencies.ts';
import type { SessionLog } from './session-log.ts';
import type { Subscriptions } from './subscriptions.ts';
import type { Tokens } from './tokens.ts';
import type { UrgentFrame } from './writer.ts';

/** The session whose client's frames they are, and what it does with them. */
export interface ClientFramesHost {
  readonly access: Access;
  readonly subscriptions: Subscriptions;
  /** Where nobody is asked for one: undefined. */
  readonly tokens: Tokens | undefined;
  readonly log: SessionLog;
  send(frame: ServerFrameInput): void;
  /** Sends what is put together when its turn comes. */
  sendLater(frame: UrgentFrame): void;
}

/** What is done about the frames of a client that has been greeted. */
export class ClientFrames {
  readonly #host: ClientFramesHost;
  readonly #dependencies: SessionDependencies;
  /** Most viewers publish nothing. */
  #publishes: Publishes | undefined;

  constructor(host: ClientFramesHost, dependencies: SessionDependencies) {
    this.#host = host;
    this.#dependencies = dependencies;
  }

  /** Publishes without a result yet. */
  get pending(): number {
    return this.#publishes?.pending ?? 0;
  }

  /** Results that wait to be written. */
  get backlog(): number {
    return this.#publishes?.backlog ?? 0;
  }

  /**
   * Does what a frame asks for.
   * @param number of the frame, from 1: Hello
   * @throws Failure if it breaks the protocol
   */
  handle(frame: ClientFrame, number: number): void {
    const { subscriptions, tokens } = this.#host;
    switch (frame.frame) {
      case 'hello':
        throw new Failure('HELLO_REPEATED', 'Hello may be sent once only');
      case 'join':
        return (tokens ?? subscriptions).join(frame.join as Join);
      case 'leave':
        return subscriptions.leave(frame.leave?.room ?? '');
      case 'ack':
        return subscriptions.acknowledge(frame.ack?.room ?? '', parseSeq(frame.ack?.seq ?? '0'));
      case 'credit':
        return subscriptions.grant(frame.credit?.room ?? '', Number(frame.credit?.bytes ?? '0'));
      case 'publish':
        this.#publishes ??= this.#newPublishes();
        return void this.#publishes.publish(frame.publish as Publish);
      case 'renew':
        return this.#renew(frame.renew as Renew);
      case 'ping':
        return this.#host.send({ pong: { nonce: frame.ping?.nonce ?? '0' } });
      case undefined:
        return this.#refuse(number);
    }
  }

  #newPublishes(): Publishes {
    const host = this.#host;
    const { publishing: service, limits } = this.#dependencies;
    return new Publishes({
      service,
      access: host.access,
      session: host.log.id,
      group: host.log.id,
      limit: limits.publishes,
      send: (frame) => host.sendLater(frame),
      refuse: (error) => host.log.refuse(error, 'a publish was refused'),
    });
  }

  /** Where nobody is asked for a token, every one does. */
  #renew(renew: Renew): void {
    const { tokens } = this.#host;
    if (tokens === undefined) this.#host.send({ tokenRenewed: { room: renew.room } });
    else tokens.renew(renew);
  }

  /** What a later version of the contract has added does not end the stream. */
  #refuse(number: number): void {
    const advice = `frame ${number} is empty, or of a kind that this gateway does not know; it had no effect`;
    const failure = this.#host.log.refuse(new Failure('UNKNOWN_FRAME', advice), 'a frame was refused');
    this.#host.send({ frameError: { frame: number, refusal: failure.toRefusal() } });
  }
}

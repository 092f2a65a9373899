import type { PublishRequest } from '../../protos/gen/live/v1/PublishRequest.ts';
import type { PublishResultInput } from '../../protos/gen/live/v1/PublishResult.ts';
import type { PublishTarget } from '../core/publishing.ts';
import { Failure } from './failure.ts';
import { parsePublication } from './requests.ts';

/** How long a reliable publish is tried while NATS does not acknowledge it, in milliseconds. */
const DEADLINE_MS = 10_000;
/** Reliable publishes under way at once, over all viewers, and the bytes of their payloads. */
const MAX_UNDER_WAY = { messages: 10_000, bytes: 64 * 1024 * 1024 };

/** Publishes what comes from outside: checked, bounded, and answered with an outcome that says what to do. */
export class PublishService {
  readonly #target: PublishTarget;
  readonly #maxPayload: number;
  readonly #underWay = { messages: 0, bytes: 0 };

  /** @param maxPayload bytes that a payload may have */
  constructor(target: PublishTarget, maxPayload: number) {
    this.#target = target;
    this.#maxPayload = maxPayload;
  }

  get maxPayload(): number {
    return this.#maxPayload;
  }

  /**
   * @param signal aborts the wait for an acknowledgement, not what was already sent
   * @throws Failure
   */
  async publish(request: PublishRequest, signal?: AbortSignal): Promise<PublishResultInput> {
    const { room, deliveryClass, content } = parsePublication(request, this.#maxPayload);
    if (deliveryClass === 'EPHEMERAL') {
      if (this.#target.ephemeral(room, content)) return {};
      throw new Failure('UPSTREAM_UNAVAILABLE', 'NATS is away: the message reached nobody');
    }
    const bytes = content.payload.byteLength;
    if (
      this.#underWay.messages >= MAX_UNDER_WAY.messages ||
      this.#underWay.bytes + bytes > MAX_UNDER_WAY.bytes
    ) {
      throw new Failure(
        'TOO_MANY_PUBLISHES',
        'too many messages wait for NATS: try again later with the same key',
      );
    }
    this.#underWay.messages += 1;
    this.#underWay.bytes += bytes;
    try {
      const outcome = await this.#target.reliable(room, content, { ms: DEADLINE_MS, signal });
      switch (outcome.kind) {
        case 'stored':
          return { seq: outcome.seq, duplicate: outcome.duplicate };
        case 'unknown':
          throw new Failure(
            'PUBLISH_OUTCOME_UNKNOWN',
            'NATS did not acknowledge in time; the message may have been stored: publishing it again with the same key is safe',
          );
        case 'unsent':
          throw new Failure(
            'UPSTREAM_UNAVAILABLE',
            'NATS is away: the message was not stored, try again later',
          );
        case 'refused':
          throw new Failure('MESSAGE_INVALID', `the stream refuses the message: ${outcome.message}`);
      }
    } finally {
      this.#underWay.messages -= 1;
      this.#underWay.bytes -= bytes;
    }
  }
}

import type { Clock } from '../../common/clock.ts';
import { nestedMs } from '../../common/deadline.ts';
import type { PublishRequest } from '../../protos/gen/live/v1/PublishRequest.ts';
import type { PublishResponseInput } from '../../protos/gen/live/v1/PublishResponse.ts';
import type { KnownReason } from '../../protos/reasons.ts';
import type { PublishOutcome, PublishTarget, Refusal } from '../upstream/publish-target.ts';
import type { Span, TraceParent } from '../observability/tracing.ts';
import type { Access } from './access.ts';
import { Failure } from './failure.ts';
import { PublishCounts } from './publish-counts.ts';
import type { RoomRules } from './room-rules.ts';
import type { Counted, OwnLimit, UserRates } from './user-rates.ts';
import { parsePublication } from './requests.ts';
import type { Publication, PublicationRules } from './requests.ts';
import type { Traces } from './traces.ts';
import { traced } from './traces.ts';

/** How long a reliable publish is tried while NATS does not acknowledge it, unless it asks for less or more; in milliseconds. */
const TRY_MS = { usual: 8_000, max: 10_000 };
/** Reliable publishes under way at once, over all viewers, and the bytes of their payloads. */
const MAX_UNDER_WAY = { messages: 10_000, bytes: 64 * 1024 * 1024 };

/** Header of messages (https://www.w3.org/TR/trace-context/): whose trace they are part of. */
const TRACEPARENT = 'traceparent';

const REASONS: Readonly<Record<Refusal, KnownReason>> = {
  away: 'UPSTREAM_UNAVAILABLE',
  unready: 'STREAM_UNAVAILABLE',
  unfit: 'STREAM_UNAVAILABLE',
  full: 'STREAM_FULL',
  forbidden: 'PUBLISH_FORBIDDEN',
  rejected: 'MESSAGE_INVALID',
};

/** Who publishes, and waits for the result. */
export interface Caller {
  readonly access: Access;
  /** Who it is where nobody is asked for a token: his stream, or the other end of his connection. */
  readonly group: string;
  /** Aborts the wait for an acknowledgement, not what was already sent. */
  readonly signal?: AbortSignal;
  /** How much longer it waits, in milliseconds. */
  readonly remainingMs?: number;
  /** What the publish is part of, where that is traced. */
  readonly trace?: Span | TraceParent | undefined;
  /** By which it publishes; undefined: a call of its own. */
  readonly session?: string;
}

/** What publishing has to do with beside NATS. */
export interface PublishBeside {
  /** Of rooms with a state; absent: there are none. */
  readonly roomRules?: RoomRules;
  /** Absent: nothing is traced. */
  readonly traces?: Traces | undefined;
}

/** Publishes what comes from outside: checked, bounded, and answered with an outcome that says what to do. */
export class PublishService {
  readonly #target: PublishTarget;
  readonly #rules: PublicationRules;
  readonly #rates: UserRates;
  readonly #clock: Clock;
  readonly #beside: PublishBeside;
  readonly counts = new PublishCounts();
  readonly #underWay = { messages: 0, bytes: 0 };

  constructor(
    target: PublishTarget,
    rules: PublicationRules,
    rates: UserRates,
    clock: Clock,
    beside: PublishBeside = {},
  ) {
    this.#clock = clock;
    this.#beside = beside;
    this.#rates = rates;
    this.#target = target;
    this.#rules = rules;
  }

  get maxPayload(): number {
    return this.#rules.maxPayload;
  }

  /** @throws Failure */
  async publish(request: PublishRequest, caller: Caller): Promise<PublishResponseInput> {
    const header = request.headers[TRACEPARENT];
    const span = this.#beside.traces?.publish(caller.trace, header, caller.session);
    return traced(span, () => this.#publish(request, caller, span));
  }

  async #publish(
    request: PublishRequest,
    caller: Caller,
    span: Span | undefined,
  ): Promise<PublishResponseInput> {
    const parsed = parsePublication(request, caller.access, this.#rules);
    if (span !== undefined) this.#beside.traces?.published(span, parsed);
    const publication = span === undefined ? parsed : withTrace(parsed, span);
    const { deliveryClass } = publication;
    try {
      this.#spend(publication, caller);
      // Without rules the results of what comes together stay together.
      if (this.#beside.roomRules?.inForce === true)
        await this.#obey(this.#beside.roomRules, publication, caller);
      if (deliveryClass === 'EPHEMERAL') {
        this.#ephemeral(publication);
        this.counts.note('EPHEMERAL', 'sent');
        return {};
      }
      const result = await this.#reliable(publication, request.timeoutMs, caller);
      this.counts.note('RELIABLE', result.duplicate === true ? 'duplicate' : 'stored');
      return result;
    } catch (error) {
      this.counts.noteFailure(deliveryClass, error);
      throw error;
    }
  }

  #spend(publication: Publication, { access, group }: Caller): void {
    const spender = access.spender(group);
    this.#rates.spend(spender, ...countedFor(publication, spender.name));
  }

  #obey(rules: RoomRules, { room, content }: Publication, { access, group }: Caller): Promise<void> {
    return rules.require({ room, content, access, asker: { group } });
  }

  #ephemeral({ room, content }: Publication): void {
    const refused = this.#target.ephemeral(room, content);
    if (refused === undefined) return;
    throw new Failure(REASONS[refused.refusal], `${refused.detail}; the message reached nobody`);
  }

  async #reliable(
    { room, content }: Publication,
    timeoutMs: number,
    { signal, remainingMs = Infinity }: Caller,
  ): Promise<PublishResponseInput> {
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
    const sinceMs = this.#clock.monotonicMs();
    try {
      const ms = Math.min(timeoutMs || TRY_MS.usual, nestedMs(remainingMs), TRY_MS.max);
      return resultOf(await this.#target.reliable(room, content, { ms, signal }));
    } finally {
      this.#underWay.messages -= 1;
      this.#underWay.bytes -= bytes;
      this.counts.seconds.observe((this.#clock.monotonicMs() - sinceMs) / 1_000);
    }
  }
}

/** What a publish counts as. */
function countedFor(
  { room, policy, deliveryClass, content }: Publication,
  user: string,
): (Counted | OwnLimit)[] {
  const counted: (Counted | OwnLimit)[] = ['publish', `publish:${content.type}`];
  const { userPublishRate, roomEphemeralRate } = policy;
  if (userPublishRate !== undefined)
    counted.push({
      key: `room ${room} ${user}`,
      perSecond: userPublishRate,
      things: 'publishes in the room',
    });
  if (deliveryClass === 'RELIABLE') return counted;
  counted.push('ephemeral');
  const things = 'ephemeral messages of all in the room';
  if (roomEphemeralRate !== undefined)
    counted.push({ key: `room ${room}`, perSecond: roomEphemeralRate, things });
  return counted;
}

/** The message says what its publish was, unless its publisher has said what it is part of. */
function withTrace(publication: Publication, { traceparent }: Span): Publication {
  const { content } = publication;
  if (traceparent === undefined || content.headers.some(([name]) => name === TRACEPARENT)) return publication;
  return {
    ...publication,
    content: { ...content, headers: [...content.headers, [TRACEPARENT, traceparent]] },
  };
}

/** @throws Failure unless it was stored */
function resultOf(outcome: PublishOutcome): PublishResponseInput {
  switch (outcome.kind) {
    case 'stored':
      return { seq: outcome.seq, duplicate: outcome.duplicate };
    case 'unknown':
      throw new Failure(
        'PUBLISH_OUTCOME_UNKNOWN',
        `the message may have been stored: publishing it again with the same key is safe (${outcome.detail})`,
      );
    case 'refused':
      throw new Failure(REASONS[outcome.refusal], `the message was not stored: ${outcome.detail}`);
  }
}

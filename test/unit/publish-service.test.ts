import assert from 'node:assert/strict';
import { ManualClock } from '../helpers/manual-clock.ts';
import type { PublishRequest } from '../../protos/gen/live/v1/PublishRequest.ts';
import type {
  PublishLimit,
  PublishOutcome,
  PublishTarget,
  Refusal,
} from '../../server/upstream/publish-target.ts';
import { Policies } from '../../server/policy/policies.ts';
import { PublishService } from '../../server/session/publish-service.ts';
import { OPEN_ACCESS } from '../../server/session/access.ts';
import type { Caller } from '../../server/session/publish-service.ts';
import { unlimited } from '../helpers/unlimited.ts';

const request = (timeoutMs = 0): PublishRequest => ({
  room: 'tea',
  type: 'gift',
  deliveryClass: 'DELIVERY_CLASS_UNSPECIFIED',
  sender: '',
  payload: Buffer.from('x'),
  key: 'k',
  headers: {},
  timeoutMs,
});

describe('publish service', () => {
  let limits: PublishLimit[];
  let outcome: PublishOutcome;
  let service: PublishService;

  beforeEach(() => {
    limits = [];
    outcome = { kind: 'stored', seq: 7, duplicate: false };
    const target: PublishTarget = {
      reliable: async (_room, _content, limit) => {
        limits.push(limit);
        return outcome;
      },
      ephemeral: () => undefined,
    };
    const clock = new ManualClock();
    service = new PublishService(
      target,
      { maxPayload: 1_000, policies: new Policies() },
      unlimited(clock),
      clock,
    );
  });

  const limitFor = async (
    timeoutMs: number,
    caller: Omit<Caller, 'access' | 'group'> = {},
  ): Promise<number | undefined> => {
    await service.publish(request(timeoutMs), { access: OPEN_ACCESS, group: 'g', ...caller });
    return limits.at(-1)?.ms;
  };

  it('tries for less time than the caller waits', async () => {
    assert.equal(await limitFor(0), 8_000);
    assert.equal(await limitFor(300), 300);
    assert.equal(await limitFor(9_000), 9_000);
    assert.equal(await limitFor(60_000), 10_000);
    assert.equal(await limitFor(0, { remainingMs: 1_000 }), 800);
    assert.equal(await limitFor(0, { remainingMs: 6_000 }), 5_000);
    assert.equal(await limitFor(300, { remainingMs: 6_000 }), 300);
    assert.equal(await limitFor(0, { remainingMs: 60_000 }), 8_000);
    assert.equal(await limitFor(0, { remainingMs: -5 }), 0);
  });

  it('says that it was certainly not stored, and why', async () => {
    const reasons: Record<Refusal, string> = {
      away: 'UPSTREAM_UNAVAILABLE',
      unready: 'STREAM_UNAVAILABLE',
      unfit: 'STREAM_UNAVAILABLE',
      full: 'STREAM_FULL',
      forbidden: 'PUBLISH_FORBIDDEN',
      rejected: 'MESSAGE_INVALID',
    };
    for (const [refusal, reason] of Object.entries(reasons)) {
      outcome = { kind: 'refused', refusal: refusal as Refusal, detail: 'the very cause' };
      const message = 'the message was not stored: the very cause';
      await assert.rejects(service.publish(request(), { access: OPEN_ACCESS, group: 'g' }), {
        reason,
        message,
      });
    }
  });

  it('leaves open what is', async () => {
    outcome = { kind: 'unknown', detail: 'silence' };
    await assert.rejects(service.publish(request(), { access: OPEN_ACCESS, group: 'g' }), {
      reason: 'PUBLISH_OUTCOME_UNKNOWN',
      message: /may have been stored.*same key is safe.*silence/,
    });
  });
});

import assert from 'node:assert/strict';
import { Server } from '@grpc/grpc-js';
import { systemClock } from '../../common/clock.ts';
import { createLogger } from '../../server/observability/logging.ts';
import { listen } from '../../server/transport/grpc/listener.ts';
import { Refusals } from '../../server/session/refusals.ts';
import { Receiving } from '../../server/transport/connections/receiving.ts';
import { Origins } from '../../server/transport/connections/origins.ts';
import type { Refused } from '../../server/transport/connections/refusal-pace.ts';
import { liveInterceptor, liveMethods } from '../../server/transport/grpc/service.ts';
import { until } from '../helpers/poll.ts';
import { RawStream } from '../helpers/raw-stream.ts';

describe('a session that cannot be opened', () => {
  it('ends its own call with a reason, and nothing else', async () => {
    const broken = (): never => {
      throw new Error('no session today');
    };
    const limits = { bytes: 1024 * 1024, timeoutMs: 1_000 };
    const receiving = new Receiving(systemClock, limits, new Refusals(createLogger('silent')));
    const origins = new Origins([]);
    let gone = 0;
    const atOnce = {
      answer(_address: string, refused: Refused, answer: () => void) {
        refused.once('close', () => (gone += 1));
        answer();
      },
    };
    const server = new Server({
      interceptors: [liveInterceptor(broken, () => undefined, receiving, origins, atOnce)],
    });
    server.addService(liveMethods, {});
    const listener = await listen(
      server,
      { host: '127.0.0.1', port: 0 },
      { clock: systemClock, timeoutMs: 30_000 },
      { origins },
    );
    try {
      for (let n = 0; n < 2; n++) {
        using stream = RawStream.hello(listener.address);
        const { code, reason } = await stream.end();
        assert.deepEqual({ code, reason }, { code: 'INTERNAL', reason: 'INTERNAL_ERROR' });
      }
      await until('both are known to be gone', () => gone === 2);
    } finally {
      receiving.close();
      await listener.close();
      server.forceShutdown();
    }
  });
});

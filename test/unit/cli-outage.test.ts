import assert from 'node:assert/strict';
import { stripVTControlCharacters } from 'node:util';
import { status } from '@grpc/grpc-js';
import { OutageLine } from '../../cli/outage.ts';
import type { ConnectionState } from '../../client/index.ts';
import { LiveError } from '../../client/index.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

const backoff = (attempt: number): ConnectionState => ({
  kind: 'backoff',
  since: 0,
  attempt,
  delayMs: 500,
  nextEndpoint: 'gw:1',
  cause: new LiveError(status.UNAVAILABLE, 'ECONNREFUSED'),
});
const live: ConnectionState = {
  kind: 'live',
  since: 0,
  endpoint: 'gw:1',
  generation: 1,
  session: 's',
  heartbeatMs: 5_000,
};

describe('what watch says of an outage', () => {
  let clock: ManualClock;
  let written: string;

  const lineOn = (isTTY: boolean): OutageLine =>
    new OutageLine({ isTTY, write: (text: string) => void (written += text) }, clock);

  /** Without the colours, which depend on where the tests run. */
  const plain = (): string => stripVTControlCharacters(written);

  /** An attempt fails every half second, for so long. */
  const away = (outage: OutageLine, forMs: number): void => {
    for (let ms = 0; ms < forMs; ms += 500) {
      outage.tell(backoff(ms / 500 + 1));
      clock.advance(500);
    }
  };

  beforeEach(() => {
    clock = new ManualClock();
    written = '';
  });

  it('is one line at its beginning, one a minute, and one at its end, where lines stay', () => {
    const outage = lineOn(false);
    away(outage, 150_000);
    outage.tell(live);
    const lines = plain().trimEnd().split('\n');
    assert.equal(lines.length, 4);
    assert.match(lines[0] ?? '', /ECONNREFUSED.*tries gw:1.*\[1 failed attempt, down for 0 s\]/);
    assert.match(lines[1] ?? '', /\[120 failed attempts, down for 60 s\]/);
    assert.match(lines[3] ?? '', /connected to gw:1 after 300 failed attempts, down for 150 s/);
    outage.close();
    assert.equal(clock.pending, 0);
  });

  it('adds up over outages', () => {
    const outage = lineOn(false);
    away(outage, 10_000);
    outage.tell(live);
    away(outage, 5_000);
    outage.tell(live);
    assert.match(written, /after 10 failed attempts, down for 5 s, 15 s in all\n$/);
    outage.close();
  });

  it('is one line on a terminal, brought up to date in its place', () => {
    const outage = lineOn(true);
    away(outage, 150_000);
    assert.equal(written.includes('\n'), false);
    assert.match(written.split('\r').at(-1) ?? '', /down for 150 s/);
    outage.clear();
    assert.ok(written.endsWith('\r\u001b[2K'), 'the line is taken away for another one');
    outage.tell(live);
    assert.equal(written.match(/\n/g)?.length, 1);
    outage.close();
    assert.equal(clock.pending, 0);
  });
});

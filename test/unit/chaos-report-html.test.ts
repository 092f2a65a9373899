import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { ViewerEvent } from '../../chaos/oracle/history.ts';
import { html } from '../../chaos/report/html/markup.ts';
import { reportPage } from '../../chaos/report/html/page.ts';
import { countSpans, spansOf, spread } from '../../chaos/report/html/sampling.ts';
import { judgeRun } from '../../chaos/report/judge.ts';
import { handMadeEvents, handMadeHistory, handMadeDetails } from '../helpers/hand-made-run.ts';
import { recordRun } from '../helpers/recorded.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const HOSTILE = `<script>alert("x")</script>&'\u202e\u0007`;

describe('pages of reports', () => {
  let directory: TempDir;
  let path: string;

  beforeEach(async () => {
    directory = await tempDir();
    path = join(directory.path, 'chaos.db');
  });
  afterEach(() => directory[Symbol.asyncDispose]());

  /** The hand-made run with names that try to be markup. */
  const hostilePage = (): string => {
    const rename = (event: ViewerEvent): ViewerEvent =>
      'room' in event ? { ...event, room: HOSTILE } : event;
    const { published, ...history } = handMadeHistory();
    const events = handMadeEvents().map(rename);
    events.splice(4, 1);
    recordRun(
      path,
      {
        ...history,
        published: Array.from(published, (message) => ({ ...message, room: HOSTILE })),
        viewers: [{ viewer: HOSTILE, events }],
        finalHeads: new Map([[HOSTILE, { epoch: 'one', seq: 4 }]]),
      },
      {
        ...handMadeDetails,
        totals: [],
        plan: {
          ...handMadeDetails.plan,
          run: HOSTILE,
          profile: HOSTILE,
          faults: [{ fault: 0, name: HOSTILE, viewer: HOSTILE, atMs: 1_000, forMs: 400 }],
        },
      },
    );
    return reportPage(judgeRun(path, 'last'));
  };

  it('tell the verdict, the seed, the command and every table', () => {
    recordRun(path, handMadeHistory(), handMadeDetails);
    const page = reportPage(judgeRun(path, 'last'));
    const text = page.replace(/<style>.*<\/style>/s, '').replace(/<[^>]*>/g, ' ');
    assert.match(text, /PASS\s+run r1/);
    assert.match(text, /seed\s+7/);
    assert.ok(text.includes(`live-cli chaos --replay r1 --db ${path}`));
    for (const word of [
      'Ordered',
      'Isolated',
      'half-open',
      'nats-kill',
      'fault → noticed',
      'v0',
      'suspect',
    ]) {
      assert.ok(text.includes(word), word);
    }
  });

  it('are well-formed', () => {
    assertWellFormed(hostilePage());
  });

  it('contain no name unescaped', () => {
    const page = hostilePage();
    assert.ok(!/<script|alert\("x"\)/.test(page));
    assert.ok(!page.includes('\u202e') && !page.includes('\u0007'));
    assert.ok(page.includes('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;'));
  });

  it('need nothing from elsewhere', () => {
    const page = hostilePage();
    assert.ok(!/\b(src|href|srcset|action)=|url\(|@import|<(link|img|iframe|object)\b/i.test(page));
    assert.match(page, /Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/);
  });

  it('stay small with two thousand viewers', () => {
    const history = handMadeHistory();
    const viewers = Array.from({ length: 2_000 }, (_, index) => ({
      viewer: `v${index}`,
      events: handMadeEvents(),
    }));
    recordRun(
      path,
      { ...history, viewers },
      { ...handMadeDetails, plan: { ...handMadeDetails.plan, viewers: 2_000 } },
    );
    const page = reportPage(judgeRun(path, 'last'));
    assert.ok(page.length < 500_000, `${page.length} characters`);
    assert.match(page, /160 of them, evenly spread/);
  });

  it('are made even of a run in which nothing happened', () => {
    recordRun(path, { published: [], viewers: [] }, { plan: { viewers: 0 } });
    const page = reportPage(judgeRun(path, 'last'));
    assertWellFormed(page);
    assert.match(page, /nothing measured/);
    assert.ok(!/NaN|Infinity|undefined/.test(page));
  });
});

describe('what pages are made of', () => {
  it('escapes everything but markup', () => {
    assert.equal(
      html`<p>${'<b>'}${html`<i>${'&'}</i>`}${undefined}${[1, '"']}</p>`.text,
      '<p>&lt;b&gt;<i>&amp;</i>1&quot;</p>',
    );
  });

  it('counts states over time, parts of a stretch as parts', () => {
    const spans = [
      { fromMs: 0, toMs: 50 },
      { fromMs: 25, toMs: 100 },
    ];
    assert.deepEqual([...countSpans(spans, 100, 2)], [1.5, 1]);
    const changes = [
      { atMs: 10, state: 'live' as const },
      { atMs: 10, state: 'suspect' as const },
    ];
    assert.deepEqual(spansOf(changes, 30), [
      { state: 'idle', fromMs: 0, toMs: 10 },
      { state: 'suspect', fromMs: 10, toMs: 30 },
    ]);
  });

  it('chooses evenly', () => {
    assert.deepEqual(spread([0, 1, 2, 3, 4, 5], 3), [0, 2, 4]);
    assert.deepEqual(spread([0, 1], 3), [0, 1]);
  });
});

/** Every tag is closed in its turn, every attribute is quoted, and no stray markup lies between. */
function assertWellFormed(page: string): void {
  const body = page.replace(/^<!doctype html>/i, '').replace(/<style>.*<\/style>/s, '');
  const open: string[] = [];
  const tag = /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g;
  for (const [text, closing, name = '', , empty] of body.matchAll(tag)) {
    if (closing) assert.equal(open.pop(), name, text);
    else if (!empty) open.push(name);
  }
  assert.deepEqual(open, []);
  const rest = body.replace(tag, '').replace(/&(amp|lt|gt|quot|#39);/g, '');
  assert.ok(!/[<>&]/.test(rest), /.{0,40}[<>&].{0,40}/.exec(rest)?.[0]);
}

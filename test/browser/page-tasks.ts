import type { Page } from 'playwright-core';

/** A task of a page's main thread. */
export interface PageTask {
  /** Processor time that it took, in milliseconds: what else the machine does is not in it. */
  readonly cpuMs: number;
  /** Time that went by, in milliseconds. */
  readonly wallMs: number;
}

/** An event of Chrome's trace format; times in microseconds. */
interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  readonly tdur?: number;
}

const BEGIN = 'tasks are recorded';
const END = 'tasks are no longer recorded';

/** Records the tasks of a page's main thread, as the browser traces them, from now until `stop`. */
export async function recordTasks(page: Page): Promise<{ stop(): Promise<PageTask[]> }> {
  const devtools = await page.context().browser()!.newBrowserCDPSession();
  const events: TraceEvent[] = [];
  devtools.on('Tracing.dataCollected', ({ value }) => events.push(...(value as unknown as TraceEvent[])));
  const includedCategories = ['disabled-by-default-devtools.timeline', 'toplevel', 'blink.user_timing'];
  await devtools.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories } });
  await mark(page, BEGIN);
  return {
    async stop() {
      await mark(page, END);
      const complete = new Promise((resolve) => devtools.once('Tracing.tracingComplete', resolve));
      await devtools.send('Tracing.end');
      await complete;
      await devtools.detach();
      return tasksBetweenMarks(events);
    },
  };
}

/** The marks tell which thread of the trace is the page's. */
const mark = (page: Page, name: string): Promise<void> =>
  page.evaluate(`void performance.mark(${JSON.stringify(name)})`);

function tasksBetweenMarks(events: readonly TraceEvent[]): PageTask[] {
  const [begin, end] = [BEGIN, END].map((wanted) => events.find(({ name }) => name === wanted)!);
  return events
    .filter(
      ({ name, pid, tid, ts }) =>
        name === 'RunTask' && pid === begin!.pid && tid === begin!.tid && ts > begin!.ts && ts < end!.ts,
    )
    .map(({ dur = 0, tdur = dur }) => ({ cpuMs: tdur / 1_000, wallMs: dur / 1_000 }));
}

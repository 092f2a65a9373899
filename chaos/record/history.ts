import type {
  History,
  Outage,
  Place,
  PublishedMessage,
  TimeSpan,
  UnknownMessage,
  ViewerEvent,
  ViewerHistory,
} from '../oracle/history.ts';
import { RecordingError, rowsOf } from './database.ts';
import { Disturbances } from './disturbances.ts';
import { decodeEvents } from './event-decoder.ts';
import { microsOf, msOf } from './micros.ts';
import type { RecordedRun } from './runs.ts';
import { findRun, loadFaults } from './runs.ts';
import type { TextOf } from './texts.ts';

/**
 * A recorded run for the oracle. Nothing but the texts is held: what was published and the events of each viewer are read
 * from the database as they are iterated, every time.
 * @throws RecordingError
 */
export function loadHistory(path: string, runName: string): History {
  const run = findRun(path, runName);
  const textOf = loadTexts(path, run);
  const { isolation, truth } = run.plan;
  const finalHeads = loadFinalHeads(path, run);
  const { eventLoopStalls } = new Disturbances(run.plan, loadFaults(path, run));
  return {
    published: { [Symbol.iterator]: () => readPublished(path, run, textOf) },
    unknown: { [Symbol.iterator]: () => readUnknown(path, run, textOf) },
    viewers: { [Symbol.iterator]: () => readViewers(path, run, textOf) },
    ...(finalHeads.size > 0 && { finalHeads }),
    ...(isolation && { isolation: { maxLatencyMs: isolation.maxLatencyMs } }),
    ...(truth && { truth, outages: loadOutages(path, run), eventLoopStalls }),
  };
}

/** One viewer's events in a span of time, without reading the others. @throws RecordingError */
export function loadEvents(path: string, runName: string, viewer: string, span: TimeSpan): ViewerEvent[] {
  const run = findRun(path, runName);
  const sql = 'SELECT viewer FROM viewers WHERE run = ? AND name = ?';
  const [row] = [...rowsOf<{ viewer: number }>(path, sql, run.number, viewer)];
  if (row === undefined) throw new RecordingError(`run "${run.plan.run}" has no viewer "${viewer}"`);
  const events = readEvents(path, run, row.viewer, loadTexts(path, run), span);
  return [...events].filter(({ atMs }) => atMs >= span.fromMs && atMs <= span.toMs);
}

function loadTexts(path: string, { number }: RecordedRun): TextOf {
  const rows = rowsOf<{ text: string }>(path, 'SELECT text FROM texts WHERE run = ? ORDER BY code', number);
  const texts = Array.from(rows, ({ text }) => text);
  return (code) => {
    const text = texts[code];
    if (text === undefined) throw new RangeError(`the recording has no text number ${code}`);
    return text;
  };
}

function loadFinalHeads(path: string, { number }: RecordedRun): Map<string, Place> {
  const rows = rowsOf<Place & { room: string }>(
    path,
    'SELECT room, epoch, seq FROM settled WHERE run = ?',
    number,
  );
  return new Map(Array.from(rows, ({ room, epoch, seq }) => [room, { epoch, seq }]));
}

function loadOutages(path: string, { number }: RecordedRun): Outage[] {
  type Row = Record<'from_us' | 'to_us' | 'blind' | 'unstorable', number> & { causes: string };
  const sql = 'SELECT from_us, to_us, causes, blind, unstorable FROM outages WHERE run = ? ORDER BY n';
  return Array.from(rowsOf<Row>(path, sql, number), ({ from_us, to_us, causes, blind, unstorable }) => {
    const span = { fromMs: msOf(from_us), toMs: msOf(to_us) };
    return { ...span, causes: causes.split(' '), blind: blind === 1, unstorable: unstorable === 1 };
  });
}

function* readPublished(
  path: string,
  { number }: RecordedRun,
  textOf: TextOf,
): Generator<PublishedMessage, void, undefined> {
  type Row = Record<'room' | 'epoch' | 'seq' | 'id' | 'at_us', number> & { acked_us: number | null };
  const sql = 'SELECT room, epoch, seq, id, at_us, acked_us FROM published WHERE run = ? ORDER BY n';
  for (const { room, epoch, seq, id, at_us, acked_us } of rowsOf<Row>(path, sql, number)) {
    const message = { room: textOf(room), epoch: textOf(epoch), seq, id: textOf(id), atMs: msOf(at_us) };
    yield acked_us === null ? message : { ...message, ackedMs: msOf(acked_us) };
  }
}

function* readUnknown(
  path: string,
  { number }: RecordedRun,
  textOf: TextOf,
): Generator<UnknownMessage, void, undefined> {
  type Row = Record<'room' | 'id', number> & Record<'from_us' | 'to_us', number | null>;
  const sql = 'SELECT room, id, from_us, to_us FROM unknown WHERE run = ? ORDER BY n';
  for (const { room, id, from_us, to_us } of rowsOf<Row>(path, sql, number)) {
    const message = { room: textOf(room), id: textOf(id) };
    if (from_us === null || to_us === null) yield message;
    else yield { ...message, asked: { fromMs: msOf(from_us), toMs: msOf(to_us) } };
  }
}

function* readViewers(
  path: string,
  run: RecordedRun,
  textOf: TextOf,
): Generator<ViewerHistory, void, undefined> {
  const disturbances = new Disturbances(run.plan, loadFaults(path, run));
  const sql = 'SELECT viewer, name FROM viewers WHERE run = ? ORDER BY viewer';
  for (const { viewer, name } of rowsOf<{ viewer: number; name: string }>(path, sql, run.number)) {
    const events = { [Symbol.iterator]: () => readEvents(path, run, viewer, textOf) };
    yield { viewer: name, events, disturbed: disturbances.of(name), own: disturbances.ownOf(name) };
  }
}

const always: TimeSpan = { fromMs: -Infinity, toMs: Infinity };

function* readEvents(
  path: string,
  { number }: RecordedRun,
  viewer: number,
  textOf: TextOf,
  span = always,
): Generator<ViewerEvent, void, undefined> {
  const sql = `
    SELECT data FROM events
    WHERE run = ? AND viewer = ? AND to_us >= ? AND from_us <= ?
    ORDER BY chunk`;
  const bounds = [microsOf(span.fromMs), microsOf(span.toMs)];
  for (const { data } of rowsOf<{ data: Buffer }>(path, sql, number, viewer, ...bounds)) {
    yield* decodeEvents(data, textOf);
  }
}

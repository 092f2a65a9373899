import type { RoomState, ShownMessage } from '../client/index.ts';
import { printable } from '../common/printable.ts';

/** The longest payload that is shown, in characters. */
const LONGEST = 200;

/** What a room is like, as words for people: the first says whether it is open. */
export function roomStateWords({
  closed,
  muted,
  stream,
  question,
  pinned,
  values,
  uncertain,
}: RoomState): string[] {
  return [
    closed ? `closed${closed.reason === '' ? '' : ` (${printable(closed.reason)})`}` : 'open',
    ...(muted ? [`muted${untilText(muted.untilMs)}`] : []),
    ...shownWords('stream', stream),
    ...shownWords('question', question),
    ...shownWords('pinned', pinned),
    ...Object.entries(values).map(([key, value]) => `${printable(key)}=${printable(JSON.stringify(value))}`),
    ...(uncertain ? ['a command may be missing'] : []),
  ];
}

/** What a room is like, as a plain object. */
export function roomStateObject(state: RoomState): object {
  const { stream, question, pinned, ...others } = state;
  return {
    ...others,
    stream: shownObject(stream),
    question: shownObject(question),
    pinned: shownObject(pinned),
  };
}

function shownWords(name: string, shown: ShownMessage | undefined): string[] {
  if (shown === undefined) return [];
  const text = shown.payload && Buffer.from(shown.payload).toString('utf8').slice(0, LONGEST);
  return [`${name} #${shown.seq}${text ? ` ${printable(text)}` : ''}${untilText(shown.untilMs)}`];
}

function shownObject(shown: ShownMessage | undefined): object | undefined {
  if (shown === undefined) return undefined;
  const { payload, ...fields } = shown;
  return { ...fields, ...(payload && payloadFields(payload)) };
}

/** A payload as text if it is one, else in base64. */
export function payloadFields(payload: Uint8Array): { payload: string } | { payloadBase64: string } {
  const bytes = Buffer.from(payload);
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes)
    ? { payload: text }
    : { payloadBase64: bytes.toString('base64') };
}

const untilText = (untilMs: number | undefined): string =>
  untilMs === undefined ? '' : ` until ${new Date(untilMs).toISOString()}`;

import type { JoinOptions, PullEvent, RoomEvent } from '../../../client/browser/index.ts';
import { IndexedDbCursorStore, LiveClient, LiveError } from '../../../client/browser/index.ts';
import type { Viewer } from '../page-contract.ts';

/*
 * The application in the pages of these tests. It runs in the browser; tests reach it as `viewer`, and get back what can be JSON.
 */

const seen: Viewer['seen'] = [];
const states: Viewer['states'] = [];
let client: LiveClient;
/** What has to happen before the next event after `joined` is handled. */
let held: Promise<void> | undefined;
let handleAll = (): void => undefined;
/** What is parsed with each event. */
let work = '[]';

function inWords(event: RoomEvent | PullEvent): string {
  switch (event.kind) {
    case 'joined':
      return `joined ${event.outcome}`;
    case 'message':
      return `message ${new TextDecoder().decode(event.message.payload.subarray(0, 40))}`;
    case 'ephemeral':
      return `ephemeral ${new TextDecoder().decode(event.message.payload)}`;
    case 'gap':
      return `gap ${event.cause}`;
    case 'reset':
      return `reset ${event.cause}`;
    default:
      return event.kind;
  }
}

async function follow(room: string, join: JoinOptions): Promise<void> {
  try {
    for await (const event of client.join(room, join)) {
      seen.push(inWords(event));
      JSON.parse(work);
      if (event.kind === 'joined') await held;
    }
    seen.push('end');
  } catch (error) {
    seen.push(inError(error));
  }
}

function inError(error: unknown): string {
  return error instanceof LiveError ? `${error.codeName} ${error.reason}: ${error.message}` : String(error);
}

const viewer: Viewer = {
  seen,
  states,
  get state() {
    return client.state.kind;
  },
  get counters() {
    return client.counters;
  },
  start({ rooms, join = {}, stores = false, holds = false, work: numbers = 0, tokens, ...options }) {
    work = JSON.stringify(Array(numbers).fill(0.5));
    if (holds) held = new Promise((resolve) => (handleAll = resolve));
    client = new LiveClient({
      ...options,
      ...(stores && { cursorStore: new IndexedDbCursorStore() }),
      ...(tokens !== undefined && { token: async () => (await fetch(tokens)).text() }),
    });
    client.on('state', ({ kind, since }) => states.push({ kind, at: since }));
    for (const room of rooms) void follow(room, join);
  },
  handleAll: () => handleAll(),
  async publish(room, message) {
    try {
      return String((await client.publish(room, message)).seq);
    } catch (error) {
      return inError(error);
    }
  },
  async room(room) {
    try {
      return String((await client.room(room)).head);
    } catch (error) {
      return inError(error);
    }
  },
  async pull(room) {
    const pulled: string[] = [];
    try {
      for await (const event of client.pull(room)) pulled.push(inWords(event));
    } catch (error) {
      pulled.push(inError(error));
    }
    return pulled;
  },
  close: () => client.close(),
};

Object.assign(globalThis, { viewer });

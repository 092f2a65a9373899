import type { EphemeralMessage, LiveClient, Message, OutgoingMessage, RoomEvent } from 'live-gateway/browser';
import { createContext, useCallback, useContext, useEffect, useReducer, useSyncExternalStore } from 'react';

/** The client of the page: one for all rooms, made outside of components, so that rendering never connects anew. */
export const LiveContext = createContext<LiveClient | undefined>(undefined);

interface RoomView {
  readonly room: string;
  /** The latest, the oldest first. Those without a `seq` are ephemeral. */
  readonly messages: readonly (Message | EphemeralMessage)[];
  /** How often messages were gone for good, or the history was another one: fetch the state that you show anew. */
  readonly gaps: number;
  /** False while what was missed is still on its way. */
  readonly caughtUp: boolean;
  /** Why the room is not followed any more. */
  readonly error?: unknown;
}

type Change = RoomEvent | { kind: 'begin'; room: string } | { kind: 'failed'; error: unknown };

const MOST_MESSAGES = 100;

const nothingOf = (room: string): RoomView => ({ room, messages: [], gaps: 0, caughtUp: false });

function viewAfter(view: RoomView, change: Change): RoomView {
  switch (change.kind) {
    case 'begin':
      return nothingOf(change.room);
    case 'message':
    case 'ephemeral':
      return { ...view, messages: [...view.messages, change.message].slice(-MOST_MESSAGES) };
    case 'gap':
    case 'reset':
      return { ...view, gaps: view.gaps + 1 };
    case 'joined':
    case 'caught-up':
      return { ...view, caughtUp: change.kind === 'caught-up' };
    case 'failed':
      return { ...view, error: change.error };
    default:
      return view;
  }
}

/** Follows a room while the component is mounted. A client is in each room once: what several components show, one of them hands to the others. */
export function useRoom(room: string) {
  const client = useContext(LiveContext);
  if (client === undefined) throw new Error('useRoom is for components within <LiveContext value={client}>');
  const [view, tell] = useReducer(viewAfter, room, nothingOf);

  useEffect(() => {
    const leaving = new AbortController();
    const { signal } = leaving;
    // What was on its way when the room was left is not told: the component may be showing another one by then.
    const tellWhileJoined = (change: Change): void => {
      if (!signal.aborted) tell(change);
    };
    const follow = async (): Promise<void> => {
      tell({ kind: 'begin', room });
      for await (const event of client.join(room, { from: { last: 20 }, signal })) tellWhileJoined(event);
    };
    follow().catch((error: unknown) => tellWhileJoined({ kind: 'failed', error }));
    return () => leaving.abort();
  }, [client, room]);

  const watchState = useCallback(
    (told: () => void) => {
      client.on('state', told);
      return () => void client.off('state', told);
    },
    [client],
  );
  const connection = useSyncExternalStore(watchState, () => client.state.kind);
  const publish = useCallback((message: OutgoingMessage) => client.publish(room, message), [client, room]);
  // Between the change of the room and its effect, the view is still that of the room before.
  return { ...(view.room === room ? view : nothingOf(room)), connection, publish };
}

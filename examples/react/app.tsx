import type { SubmitEvent } from 'react';
import { useState } from 'react';
import { useRoom } from './use-room.ts';

/** One of these rooms, or none. */
export function App({ rooms }: { readonly rooms: readonly string[] }) {
  const [room, setRoom] = useState(rooms[0] ?? '');
  return (
    <>
      <select id="room" aria-label="Room" value={room} onChange={({ target }) => setRoom(target.value)}>
        {['', ...rooms].map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      {room !== '' && <Room room={room} />}
    </>
  );
}

function Room({ room }: { readonly room: string }) {
  const { connection, messages, gaps, caughtUp, error, publish } = useRoom(room);
  const [text, setText] = useState('');
  const [refusal, setRefusal] = useState('');

  async function send(event: SubmitEvent) {
    event.preventDefault();
    setText('');
    setRefusal('');
    try {
      await publish({ type: 'comment', payload: text });
    } catch (failure) {
      setRefusal(`not sent: ${textOf(failure)}`);
    }
  }

  return (
    <section>
      <p id="state" role="status">
        {connection}
        {connection === 'live' && !caughtUp && ', catching up'}
      </p>
      {gaps > 0 && <p id="gaps">messages are gone: fetch what you show anew ({gaps})</p>}
      {error !== undefined && <p id="error">{textOf(error)}</p>}
      <ol id="messages">
        {messages.map((message, index) => (
          <li key={'seq' in message ? `#${message.seq}` : `ephemeral ${index}`}>
            {new TextDecoder().decode(message.payload)}
          </li>
        ))}
      </ol>
      <form onSubmit={(event) => void send(event)}>
        <input id="text" value={text} onChange={({ target }) => setText(target.value)} />
        <button>Send</button> {refusal}
      </form>
    </section>
  );
}

const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

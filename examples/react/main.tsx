import { LiveClient } from 'live-gateway/browser';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { LiveContext } from './use-room.ts';

/* A room in a page made with React. ?gateway=wss://host names the gateway, ?rooms=demo,tea the rooms. */

const query = new URLSearchParams(location.search);
const client = new LiveClient({ endpoints: [query.get('gateway') ?? location.origin] });

createRoot(document.body.appendChild(document.createElement('main'))).render(
  <StrictMode>
    <LiveContext value={client}>
      <App rooms={(query.get('rooms') ?? 'demo').split(',')} />
    </LiveContext>
  </StrictMode>,
);

import type { Msg, NatsConnection, StreamConfig, StreamState } from 'nats';
import { createInbox } from 'nats';

/** How long JetStream may take for each step, in milliseconds. */
const STEP_MS = 5_000;

/** A stream as it was, messages and all: what `nats stream backup` keeps. */
export interface StreamBackup {
  readonly config: StreamConfig;
  readonly state: StreamState;
  readonly chunks: readonly Uint8Array[];
}

/**
 * Takes a backup, as `nats stream backup` does.
 * @throws when JetStream refuses, or does not go on
 */
export async function backUp(nc: NatsConnection, stream: string): Promise<StreamBackup> {
  const deliver = createInbox();
  const chunks: Uint8Array[] = [];
  const delivered = nc.subscribe(deliver, { timeout: STEP_MS });
  try {
    const request = { deliver_subject: deliver, no_consumers: true };
    const answer = await ask<Pick<StreamBackup, 'config' | 'state'>>(
      nc,
      `STREAM.SNAPSHOT.${stream}`,
      request,
    );
    for await (const chunk of delivered) {
      // An empty one is the end.
      if (chunk.data.length === 0) return { config: answer.config, state: answer.state, chunks };
      chunks.push(chunk.data.slice());
      chunk.respond();
    }
    throw new Error('the backup did not come to its end');
  } finally {
    delivered.unsubscribe();
  }
}

/**
 * Brings a stream back from a backup, as `nats stream restore` does. There must be none of this name.
 * @throws when JetStream refuses, or does not go on
 */
export async function restore(nc: NatsConnection, { config, state, chunks }: StreamBackup): Promise<void> {
  const { deliver_subject: deliver } = await ask<{ deliver_subject: string }>(
    nc,
    `STREAM.RESTORE.${config.name}`,
    { config, state },
  );
  for (const chunk of chunks) refuseError(await nc.request(deliver, chunk, { timeout: STEP_MS }));
  refuseError(await nc.request(deliver, undefined, { timeout: STEP_MS }));
}

async function ask<Answer>(nc: NatsConnection, subject: string, request: object): Promise<Answer> {
  const answer = await nc.request(`$JS.API.${subject}`, JSON.stringify(request), { timeout: STEP_MS });
  refuseError(answer);
  return answer.json<Answer>();
}

/** Some answers are empty. */
function refuseError(answer: Msg): void {
  if (answer.data.length === 0) return;
  const { error } = answer.json<{ error?: { description?: string } }>();
  if (error !== undefined) throw new Error(error.description ?? 'JetStream refused');
}

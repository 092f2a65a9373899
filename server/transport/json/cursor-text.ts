import type { MessageTypeDefinition } from '@grpc/proto-loader';
import type { Cursor, CursorInput } from '../../../protos/gen/live/v1/Cursor.ts';
import { packageDefinition } from '../../../protos/live.ts';
import { Failure } from '../../session/failure.ts';

const CursorType = packageDefinition['live.v1.Cursor'] as unknown as MessageTypeDefinition<
  CursorInput,
  Cursor
>;

/** Longer ones are none of ours, in characters. */
const LONGEST = 1_024;

/** A whole cursor as a text without special characters, for headers and addresses: opaque to whoever keeps it. */
export function cursorText(cursor: CursorInput): string {
  return CursorType.serialize(cursor).toString('base64url');
}

/**
 * The cursor that a text stands for.
 * @throws Failure START_INVALID when it is none of ours
 */
export function parseCursorText(text: string): Cursor {
  if (text.length <= LONGEST && /^[A-Za-z0-9_-]+$/.test(text)) {
    try {
      const cursor = CursorType.deserialize(Buffer.from(text, 'base64url'));
      if (cursor.epoch !== '') return cursor;
    } catch {
      // Said below.
    }
  }
  throw new Failure(
    'START_INVALID',
    'the cursor is none of this gateway: give it back as it came, or leave it out',
  );
}

import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import type { FieldRule } from '../server/nats/stream/stream-fields.ts';
import { STREAM_FIELDS } from '../server/nats/stream/stream-fields.ts';

/** Where the reference of the stream's configuration is kept. */
export const STREAM_DOC_FILE = fileURLToPath(new URL('../docs/stream.md', import.meta.url));

/** The reference of the stream's configuration, in Markdown, from the table that streams are judged by. */
export async function streamDoc(): Promise<string> {
  const rows = Object.entries(STREAM_FIELDS).map(([field, rule]) =>
    [`\`${field}\``, rule.kind, valueOf(rule), rule.why].join(' | '),
  );
  const text = `# The stream

Written by \`npm run docs\` from \`server/nats/stream/stream-fields.ts\`: every field of the stream configuration of NATS 2.9 to 2.15. Subjects
are those of the default \`--subject-prefix\`.

- **required**, **forbidden**: with another value a promise to viewers or publishers does not hold. The gateway refuses to start on such a stream,
  and says which fields differ and what fixes them.
- **setting**: nothing breaks, but it must be what the gateway was started with, so that all gateways agree.
- **harmless**: as you like.

A field that is not listed, of a later NATS, is named in a warning of the log: whether the promises hold with it, this version cannot say.

Field | Rule | Value | Why
--- | --- | --- | ---
${rows.join('\n')}
`;
  const style = await resolveConfig(STREAM_DOC_FILE);
  return await format(text, { ...style, parser: 'markdown' });
}

function valueOf(rule: FieldRule): string {
  return rule.kind === 'harmless' ? '' : rule.value;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(STREAM_DOC_FILE, await streamDoc());

import { readFile } from 'node:fs/promises';

/** As the gateway does: without the end of the line that editors put behind it. */
export async function readSecret(file: string): Promise<Uint8Array> {
  return Buffer.from((await readFile(file, 'latin1')).replace(/\r?\n$/, ''), 'latin1');
}

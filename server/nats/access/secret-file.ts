import { readFileSync } from 'node:fs';

/** A file with something secret in it, or about it, cannot be used; the message names the setting and never what the file holds. */
export class AccessError extends Error {
  override readonly name = 'AccessError';

  /** @param setting the flag that names the file */
  constructor(setting: string, path: string, problem: string) {
    super(`${setting}: ${path} ${problem}`);
  }
}

/** @throws AccessError when it cannot be read, or is empty */
export function readSecretFile(setting: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new AccessError(setting, path, `cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  if (text.trim() === '') throw new AccessError(setting, path, 'is empty');
  return text;
}

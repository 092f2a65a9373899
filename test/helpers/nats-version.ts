import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findNatsServer } from '../../nats-server/binary.ts';

/** Version of the nats-server that tests run, `2.15.2` for example. */
export async function natsVersion(): Promise<string> {
  const { stdout } = await promisify(execFile)(await findNatsServer(), ['--version']);
  return /v(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? '';
}

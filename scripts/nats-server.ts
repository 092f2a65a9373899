import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findNatsServer, NatsBinaryError } from '../nats-server/binary.ts';

/** Makes sure that a nats-server is on this machine before the tests need it, and says which. */
try {
  const binary = await findNatsServer({ onProgress: console.log });
  const { stdout } = await promisify(execFile)(binary, ['--version']);
  console.log(`${stdout.trim()} at ${binary}`);
} catch (error) {
  if (!(error instanceof NatsBinaryError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

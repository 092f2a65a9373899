import { findNatsServer, NatsBinaryError } from '../server/nats/binary.ts';

/** Makes sure that a nats-server is on this machine before the tests need it, and says which. */
try {
  console.log(`nats-server: ${await findNatsServer({ onProgress: console.log })}`);
} catch (error) {
  if (!(error instanceof NatsBinaryError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

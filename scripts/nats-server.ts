import { findNatsServer } from '../server/nats/binary.ts';

/** Makes sure that a nats-server is on this machine before the tests need it, and says which. */
console.log(`nats-server: ${await findNatsServer()}`);

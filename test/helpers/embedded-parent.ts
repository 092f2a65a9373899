import { findNatsServer } from '../../nats-server/binary.ts';
import { startEmbeddedNats } from '../../nats-server/embedded.ts';

/** A process of its own that runs an embedded server on the directory given, for tests that kill it. */
const [DATA_DIR = ''] = process.argv.slice(2);
const { url, pid } = await startEmbeddedNats({ binary: await findNatsServer(), dataDir: DATA_DIR });
console.log(JSON.stringify({ url, pid }));

import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ranges from which systems take the ports of outgoing connections. */
const range = { from: 15_000, to: 32_000 };

/**
 * Loopback ports that nobody listens on and that no outgoing connection is given: a server that is killed finds
 * its port free when it starts again.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = range.from + Math.floor(Math.random() * (range.to - range.from));
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

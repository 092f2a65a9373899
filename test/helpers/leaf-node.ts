import { FaultProxy } from '../../chaos/links/proxy.ts';
import { freePorts } from '../../chaos/run/backend/ports.ts';
import { connect } from 'nats';
import type { TestNats } from './nats-server.ts';
import { startNats } from './nats-server.ts';
import { until } from './poll.ts';

/** Two NATS servers with a JetStream domain each, `hub` and `leaf`, and the link between them. */
export interface HubAndLeaf extends AsyncDisposable {
  readonly hub: TestNats;
  readonly leaf: TestNats;
  /** Keeps them from each other until `heal`. */
  cut(): void;
  /** Resolves when the leaf reaches the hub's JetStream. */
  heal(): Promise<void>;
}

export async function startHubAndLeaf(): Promise<HubAndLeaf> {
  const [port = 0] = await freePorts(1);
  const hub = await startNats({ config: `${inDomain('hub')}\nleafnodes { listen: "127.0.0.1:${port}" }` });
  const link = await FaultProxy.listen({ host: '127.0.0.1', port });
  const remotes = `remotes: [{ url: "nats-leaf://${link.address}" }], reconnect: 1`;
  const leaf = await startNats({ config: `${inDomain('leaf')}\nleafnodes { ${remotes} }` });
  const joined = async (): Promise<void> => {
    const nc = await connect({ servers: leaf.url });
    const asked = (): Promise<unknown> => nc.request('$JS.hub.API.INFO', '', { timeout: 200 });
    await until('the leaf node reaches the hub', () => asked().then(...ANSWERED));
    await nc.close();
  };
  await joined();
  return {
    hub,
    leaf,
    cut() {
      link.retarget({ host: '127.0.0.1', port: 1 });
      for (const each of link.links) each.destroy();
    },
    async heal() {
      link.retarget({ host: '127.0.0.1', port });
      await joined();
    },
    async [Symbol.asyncDispose]() {
      await leaf.stop();
      await link.close();
      await hub.stop();
    },
  };
}

const ANSWERED = [() => true, () => false] as const;
const inDomain = (domain: string): string => `server_name: ${domain}\njetstream { domain: ${domain} }`;

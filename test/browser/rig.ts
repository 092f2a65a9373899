import type { ServerConfig } from '../../server/config/config.ts';
import { FaultProxy } from '../../chaos/links/proxy.ts';
import { parseAddress } from '../../common/units.ts';
import type { TestGateway } from '../helpers/gateway.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { needsBrowser, TestBrowser } from './browser.ts';

/** A gateway that pages may use, with what is before and behind it: a proxy, a producer, a browser. */
export interface BrowserRig {
  readonly nats: TestNats;
  readonly gateway: TestGateway;
  readonly producer: StockProducer;
  /** Between the browser and the gateway. */
  readonly proxy: FaultProxy;
  /** The gateway's, through the proxy. */
  readonly endpoints: readonly string[];
  readonly browser: TestBrowser;
  close(): Promise<void>;
}

/**
 * Starts all of it, or skips the tests where there is no browser.
 * @param texts what the page's web server has beside the page, by path
 */
export async function startBrowserRig(
  context: Mocha.Context,
  overrides: Partial<ServerConfig> = {},
  texts: ReadonlyMap<string, () => string> = new Map(),
): Promise<BrowserRig> {
  needsBrowser(context);
  const nats = await startNats();
  const gateway = await startTestGateway(nats.url, {
    http: { host: '127.0.0.1', port: 0 },
    httpOrigins: ['*'],
    ...overrides,
  });
  const proxy = await FaultProxy.listen(parseAddress(gateway.http!) as { host: string; port: number });
  const producer = await StockProducer.connect(nats.url);
  const browser = await TestBrowser.start(texts);
  return {
    nats,
    gateway,
    producer,
    proxy,
    endpoints: [`ws://${proxy.address}`],
    browser,
    async close() {
      await browser.close();
      await producer.close();
      await gateway.close();
      await proxy.close();
      await nats.stop();
    },
  };
}

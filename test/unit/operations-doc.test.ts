import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { reasons } from '../../protos/reasons.ts';
import { gatewayMetrics } from '../../server/observability/metrics.ts';
import type { GatewayStats } from '../../server/observability/stats.ts';
import { UPSTREAM_CAUSES } from '../../server/upstream/upstream-cause.ts';
import { logMessages } from '../helpers/log-messages.ts';

const ROOT = new URL('../../', import.meta.url);
const DOCUMENT = readFileSync(new URL('docs/operations.md', ROOT), 'utf8');
const SOURCE = readdirSync(new URL('server', ROOT), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(new URL(`server/${file}`, ROOT), 'utf8'))
  .join('\n');
const quoted = [...DOCUMENT.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text);
/** In capitals, and neither a cause, a reason nor a name of the gateway: what a stream is told, statuses, NATS, Kubernetes. */
const OTHER_NAMES = new Set(['DEGRADED', 'CONTRACT_REVISION', 'SIGKILL', 'SIGSTOP']);

const LOGGED = logMessages().map((message) => message.text);

/** Whether a line of the log can be the text: what is put into it is any text. */
function isLogged(text: string): boolean {
  return LOGGED.some((pattern) => {
    const parts = pattern.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^${parts.join('.*')}$`).test(text) || pattern.startsWith(text);
  });
}

describe('docs/operations.md', () => {
  it('names every cause, and has an end for each', () => {
    for (const cause of UPSTREAM_CAUSES) {
      assert.ok(quoted.includes(`NATS: ${cause}`), cause);
      assert.ok(quoted.includes(`NATS: ${cause} is over`), cause);
    }
  });

  it('names no cause or reason that there is not', () => {
    const names = quoted.filter((text) => /^[A-Z]{3,}[A-Z_]*$/.test(text) && !OTHER_NAMES.has(text));
    assert.ok(names.length > 15);
    const known = new Set<string>([...UPSTREAM_CAUSES, ...Object.keys(reasons)]);
    assert.deepEqual(
      names.filter((name) => !known.has(name) && !SOURCE.includes(`'${name}'`)),
      [],
    );
  });

  it('quotes no metric that there is not', async () => {
    const unused = {} as GatewayStats;
    const registered = gatewayMetrics(() => unused)
      .getMetricsAsArray()
      .map(({ name }) => name);
    const metrics = quoted
      .filter((text) => /^(live_gateway|process|nodejs)_\w+/.test(text))
      .map((text) => text.split('{')[0] ?? '');
    assert.ok(metrics.length > 10);
    assert.deepEqual(
      metrics.filter((name) => !registered.includes(name)),
      [],
    );
  });

  it('quotes what the gateway says', () => {
    const says = [...DOCUMENT.matchAll(/^- \*\*(?:The gateway says|Over)\*\*.*$/gm)].flatMap(([line]) =>
      [...line.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text).filter((text) => text.includes(' ')),
    );
    assert.ok(says.length > 40);
    assert.deepEqual(
      says.filter((text) => !isLogged(text) && !SOURCE.includes(text.replace(/ LIVE .*$/, ' '))),
      [],
    );
  });

  it('names tests and pages that there are', () => {
    const links = [...DOCUMENT.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => link);
    assert.deepEqual(
      links.filter((link) => !existsSync(new URL(link, new URL('docs/', ROOT)))),
      [],
    );
  });
});

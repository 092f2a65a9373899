import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse, parseAllDocuments } from 'yaml';
import { VERSION } from '../../common/node/version.ts';
import { parseConfig } from '../../server/config/config.ts';
import { DEPLOY, tool, whereThereAre } from '../helpers/deploy-tools.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const CHART = join(DEPLOY, 'helm', 'live-gateway');
/** The oldest Kubernetes that the chart is for, and the newest whose schemas there are. */
const KUBERNETES = ['1.30', '1.37'];

/** As much of what the chart makes as is looked at here. */
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly [
          {
            readonly env: readonly { readonly name: string; readonly value: string }[];
            readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
            readonly volumeMounts?: readonly { readonly mountPath: string }[];
            readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
          },
        ];
      };
    };
  };
}

const run = async (program: string, ...args: string[]): Promise<string> =>
  (await promisify(execFile)(tool(program), args)).stdout;
/** What the chart makes of values, as text. */
const rendered = (...args: string[]): Promise<string> => run('helm', 'template', 'live', CHART, ...args);
const values = (name: string): string[] => ['--values', join(CHART, 'ci', name)];

const manifestsOf = (text: string): Manifest[] =>
  parseAllDocuments(text).map((document) => document.toJS() as Manifest);
function deploymentIn(text: string): Manifest['spec']['template']['spec'] {
  const deployment = manifestsOf(text).find(({ kind }) => kind === 'Deployment');
  assert.ok(deployment);
  return deployment.spec.template.spec;
}

/** Asks kubernetes-validate; gives what it has no schema for. */
async function unknownTo(version: string, text: string): Promise<string[]> {
  await using directory = await tempDir();
  const file = join(directory.path, 'manifests.yaml');
  await writeFile(file, text);
  const validating = promisify(execFile)(tool('kubernetes-validate'), ['-k', version, '--strict', file]);
  const { stdout, stderr } = await validating.catch((error: unknown) => {
    const said = error as { stdout: string; stderr: string };
    throw new Error(said.stdout + said.stderr);
  });
  return [...(stdout + stderr).matchAll(/Couldn't find schema for kind (\w+)/g)].map(([, kind = '']) => kind);
}

describe('the Helm chart', () => {
  it('has the version of the package', async () => {
    const chart = parse(await readFile(join(CHART, 'Chart.yaml'), 'utf8')) as Record<string, string>;
    assert.deepEqual([chart['version'], chart['appVersion']], [VERSION, VERSION]);
  });
});

whereThereAre('helm', 'kubernetes-validate')('the Helm chart, rendered', () => {
  it('is well made, and what it makes is what each Kubernetes takes, for all values in ci/', async () => {
    const files = await readdir(join(CHART, 'ci'));
    assert.ok(files.length >= 3);
    for (const file of files) {
      await run('helm', 'lint', '--strict', CHART, ...values(file));
      const text = await rendered(...values(file));
      for (const version of KUBERNETES) {
        const others = text.includes('kind: ServiceMonitor') ? ['ServiceMonitor'] : [];
        assert.deepEqual(await unknownTo(version, text), others, file);
      }
    }
  });

  it('would not be if a word were wrong', async () => {
    const text = (await rendered(...values('full-values.yaml'))).replace(
      'periodSeconds: 2',
      'periodSecond: 2',
    );
    await assert.rejects(unknownTo('1.37', text), /startupProbe|readinessProbe|periodSecond/);
  });

  it('gives gateways settings that live-server takes, and files that are mounted', async () => {
    for (const file of await readdir(join(CHART, 'ci'))) {
      const { containers } = deploymentIn(await rendered(...values(file)));
      const [{ env, volumeMounts = [], ports }] = containers;
      const variables = Object.fromEntries(env.map(({ name, value }) => [name, value]));
      const parsed = parseConfig([], variables);
      assert.ok(parsed.kind === 'serve', file);
      const { listen, http, metrics } = parsed.config;
      const served = [listen, http, metrics].filter((address) => address !== undefined);
      assert.deepEqual(
        ports.map(({ containerPort }) => containerPort),
        served.map(({ port }) => port),
      );
      const paths = Object.values(variables).filter((value) => value.startsWith('/'));
      for (const path of paths)
        assert.ok(
          volumeMounts.some(({ mountPath }) => path.startsWith(`${mountPath}/`)),
          path,
        );
    }
  });

  it('lets nobody set twice what has a value of its own', async () => {
    const given = rendered(...values('minimal-values.yaml'), '--set', 'settings.drain=1s');
    await assert.rejects(given, /settings\.drain: has a value of its own/);
  });

  it('gives a gateway the time that it asked for to send viewers away', async () => {
    const { containers, terminationGracePeriodSeconds } = deploymentIn(
      await rendered(...values('minimal-values.yaml'), '--set', 'drainSeconds=45,preStopSeconds=7'),
    );
    const [{ env, lifecycle }] = containers;
    assert.equal(env.find(({ name }) => name === 'LIVE_DRAIN')?.value, '45s');
    assert.equal(lifecycle.preStop.sleep.seconds, 7);
    assert.equal(terminationGracePeriodSeconds, 45 + 7 + 20);
  });

  const wrong: readonly (readonly [string, RegExp])[] = [
    ['nats.urls=null', /nats\.urls: name your NATS servers/],
    ['auth.jwksUrl=', /auth: say how tokens/],
    ['auth.keys.hs256=secret', /choose one/],
    ['nats.keys.creds=a', /nats\.existingSecret: name the Secret/],
    ['tls.clientCaKey=ca.crt', /tls\.existingSecret: name the Secret/],
    ['replicas=3', /additional properties 'replicas' not allowed/],
    ['nats.replicas=2', /nats\/replicas/],
    ['autoscaling.enabled=true,autoscaling.targetCPU=0', /autoscaling: set targetCPU or targetViewers/],
  ];
  for (const [setting, problem] of wrong)
    it(`refuses ${setting}`, async () => {
      await assert.rejects(rendered(...values('minimal-values.yaml'), '--set', setting), problem);
    });
});

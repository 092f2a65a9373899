/* live-server as one file that needs Node and nothing else, neither packages nor files beside it. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';
import { build } from 'esbuild';
import protobuf from 'protobufjs';
import { readDemoFiles } from '../server/transport/demo/files.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const PACKAGES = join(ROOT, 'node_modules');

/** Contracts of others that the server and its packages read from files when they start: how they name them, and where these are. */
const PROTOS = [
  { files: ['google/rpc/status.proto', 'google/rpc/error_details.proto'], folder: 'protos' },
  { files: ['health/v1/health.proto'], folder: 'node_modules/grpc-health-check/proto' },
  { files: ['grpc/reflection/v1/reflection.proto'], folder: 'node_modules/@grpc/reflection/build/proto' },
  {
    files: ['grpc/reflection/v1alpha/reflection.proto'],
    folder: 'node_modules/@grpc/reflection/build/proto',
  },
] as const;

/** What packages in CommonJS expect to be there. */
const BANNER = `
import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);
const __dirname = import.meta.dirname;`;

/** The server, bundled: the code, and the packages that are in it, by their folders. */
export interface ServerBundle {
  readonly code: string;
  readonly packages: readonly string[];
}

/** Bundles what `npm run build` has been run for: the page of the demo is taken from dist/. */
export async function serverBundle(): Promise<ServerBundle> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['server/main.ts'],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    banner: { js: BANNER },
    plugins: [await embedded()],
    logLevel: 'error',
  });
  const [output] = outputFiles;
  if (output === undefined) throw new Error('there is no bundle');
  const names = Object.keys(metafile.inputs).map(
    (input) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0],
  );
  return { code: output.text, packages: [...new Set(names)].filter((name) => name !== undefined).sort() };
}

/** Puts in place of the modules that read files of the package what these files hold. */
async function embedded(): Promise<Plugin> {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const pages = [...(await readDemoFiles())].map(([path, { type, bytes }]) => [
    path,
    type,
    bytes.toString('base64'),
  ]);
  const reflection = 'server/transport/grpc/reflection.ts';
  const descriptors = await readFile(join(ROOT, 'protos/gen/descriptors.binpb'), 'base64');
  const modules: Readonly<Record<string, string>> = {
    [reflection]: replaced(
      await readFile(join(ROOT, reflection), 'utf8'),
      "readFileSync(new URL('../../../protos/gen/descriptors.binpb', import.meta.url))",
      `Buffer.from('${descriptors}', 'base64')`,
    ),
    // SQLite is a native module, which is no text: it keeps two gateways from running a NATS server in one directory.
    'nats-server/data-dir-lock.ts': `
      export class DataDirInUseError extends Error {}
      export function lockDataDir() {
        throw new Error('this live-server is one file and runs no NATS server of its own: name yours (--nats), or install the package');
      }`,
    'common/node/version.ts': `export const VERSION = ${JSON.stringify(version)};`,
    'server/transport/demo/files.ts': `
      const files = ${JSON.stringify(pages)};
      export const readDemoFiles = async () =>
        new Map(files.map(([path, type, bytes]) => [path, { type, bytes: Buffer.from(bytes, 'base64') }]));`,
  };
  return {
    name: 'embedded',
    setup(bundling) {
      for (const [file, contents] of Object.entries(modules))
        bundling.onLoad({ filter: exactly(join(ROOT, file)) }, () => ({ contents, loader: 'ts' }));
      bundling.onResolve({ filter: /^@grpc\/proto-loader$/ }, ({ namespace }) =>
        namespace === 'embedded' ? undefined : { path: 'proto-loader', namespace: 'embedded' },
      );
      bundling.onLoad({ filter: /^proto-loader$/, namespace: 'embedded' }, async () => ({
        contents: await protoLoader(),
        loader: 'js',
        resolveDir: PACKAGES,
      }));
    },
  };
}

function replaced(source: string, before: string, after: string): string {
  if (!source.includes(before))
    throw new Error(`there is no ${before} any more: scripts/server-bundle.ts has to follow`);
  return source.replace(before, () => after);
}

const exactly = (path: string): RegExp => new RegExp(`^${path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);

/** Ours, each by itself. */
async function contracts(): Promise<{ files: readonly string[]; folder: string }[]> {
  const files = await readdir(join(ROOT, 'protos/live'), { recursive: true });
  return files
    .filter((file) => file.endsWith('.proto'))
    .map((file) => ({ files: [`live/${file.replaceAll('\\', '/')}`], folder: 'protos' }));
}

/** The source of a proto-loader that has all contracts in it. A file that it has not is an error, not looked for. */
async function protoLoader(): Promise<string> {
  const roots = await Promise.all(
    [...(await contracts()), ...PROTOS].map(async ({ files, folder }) => [
      files.join(),
      (await parsed(join(ROOT, folder), files)).toJSON(),
    ]),
  );
  return `
    import { fromJSON } from '@grpc/proto-loader';
    export * from '@grpc/proto-loader';
    const roots = ${JSON.stringify(Object.fromEntries(roots))};
    export function loadSync(files, options) {
      const asked = [files].flat().join().replaceAll('\\\\', '/');
      const name = Object.keys(roots).find((known) => asked === known || asked.endsWith('/' + known));
      if (name === undefined) throw new Error(asked + ' is not in this bundle');
      return fromJSON(roots[name], options);
    }`;
}

/** Reads contracts. Fields are named as proto-loader names them by default; those of the health service are one word each. */
async function parsed(folder: string, files: readonly string[]): Promise<protobuf.Root> {
  const root = new protobuf.Root();
  const own = root.resolvePath.bind(root);
  root.resolvePath = (origin, target) => (origin === '' ? join(folder, target) : own(origin, target));
  return root.load([...files]);
}

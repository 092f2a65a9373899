import { builtinModules } from 'node:module';

/**
 * The architecture: what code in each folder may import beside what is in the folder itself. The longest folder that a file is in counts.
 * docs/design.md draws it. `npm run lint` checks it with all imports, type-only ones included.
 */
const MAY_IMPORT = {
  common: [],
  protos: ['common'],
  'nats-server': ['common'],

  client: ['common', 'protos'],
  'client/browser': ['common', 'protos', 'client/core', 'client/transports/websocket'],
  'client/core': ['common', 'protos'],
  'client/stores': ['common', 'protos', 'client/core'],
  'client/transports': ['common', 'protos', 'client/core'],

  server: ['common'],
  'server/log': ['common', 'protos'],
  'server/upstream': ['server/log'],
  'server/state': ['common', 'server/log', 'server/upstream'],
  'server/observability': ['common', 'server/upstream'],
  'server/tls': ['common', 'server/observability'],
  'server/policy': ['protos'],
  'server/config': ['common', 'protos', 'server/policy', 'server/observability'],
  'server/cluster': ['common', 'server/observability'],
  'server/auth': ['common', 'protos', 'server/upstream', 'server/observability'],
  'server/room': ['common', 'server/log', 'server/upstream', 'server/state', 'server/cluster'],
  'server/session': [
    'common',
    'protos',
    'server/log',
    'server/upstream',
    'server/state',
    'server/cluster',
    'server/room',
    'server/auth',
    'server/policy',
    'server/observability',
  ],
  'server/transport': [
    'common',
    'protos',
    'server/log',
    'server/upstream',
    'server/session',
    'server/tls',
    'server/observability',
  ],
  'server/nats': [
    'common',
    'protos',
    'server/log',
    'server/upstream',
    'server/cluster',
    'server/observability',
  ],
  'server/gateway': ['common', 'nats-server', 'server'],
  'server/workers': [
    'common',
    'server/gateway',
    'server/config',
    'server/nats/access',
    'server/tls',
    'server/observability',
    'server/process',
  ],

  demo: ['client/browser'],

  chaos: ['common', 'protos', 'client', 'nats-server'],
  'chaos/links': ['common'],
  'chaos/oracle': ['client'],
  'chaos/record': ['common', 'chaos/oracle'],
  'chaos/run': ['common', 'protos', 'client', 'nats-server', 'chaos/links', 'chaos/oracle', 'chaos/record'],
  'chaos/report': ['common', 'chaos/oracle', 'chaos/record', 'chaos/run'],
  cli: ['common', 'protos', 'client', 'chaos'],
};

/** Packages that a folder must not know of. */
const FORBIDDEN_PACKAGES = {
  common: ['@grpc/', 'nats'],
  'server/log': ['@grpc/', 'nats', 'pino'],
  'server/room': ['@grpc/', 'nats', 'pino'],
  'server/state': ['@grpc/', 'nats', 'pino'],
  'server/auth': ['@grpc/', 'nats'],
  'server/policy': ['@grpc/', 'nats', 'yaml'],
  'server/session': ['@grpc/', 'nats', 'jose'],
  'server/gateway': ['@grpc/', 'nats'],
  'server/nats': ['@grpc/'],
  'server/transport': ['nats'],
};

/** Folders that run anywhere: nothing of Node's and no package is loaded, however far down. */
const RUNS_ANYWHERE = ['client/browser', 'client/core', 'client/transports/websocket', 'protos/codec'];

const within = (folder) => `^${folder}/`;
const modules = (packages) =>
  packages.map((name) => `^node_modules/${name.endsWith('/') ? name : `${name}/`}`);
const deeper = (folder) =>
  Object.keys(MAY_IMPORT)
    .filter((other) => other.startsWith(`${folder}/`))
    .map(within);

const directions = Object.entries(MAY_IMPORT).map(([folder, allowed]) => ({
  name: `${folder} imports from ${allowed.length === 0 ? 'itself' : allowed.join(', ')} only`,
  severity: 'error',
  from: { path: within(folder), pathNot: deeper(folder) },
  to: { dependencyTypesNot: ['core', 'npm', 'npm-peer'], pathNot: [folder, ...allowed].map(within) },
}));

const packages = Object.entries(FORBIDDEN_PACKAGES).map(([folder, names]) => ({
  name: `${folder} knows nothing of ${names.join(', ')}`,
  severity: 'error',
  from: { path: within(folder) },
  to: { path: modules(names) },
}));

const anywhere = RUNS_ANYWHERE.map((folder) => ({
  name: `${folder} runs anywhere`,
  severity: 'error',
  from: { path: within(folder) },
  to: { path: ['^node_modules/', `^(node:)?(${builtinModules.join('|')})$`], reachable: true },
}));

export default {
  forbidden: [
    ...directions,
    ...packages,
    ...anywhere,
    { name: 'no circle of files', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no circle of folders', severity: 'error', scope: 'folder', from: {}, to: { circular: true } },
    { name: 'every import is found', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['^protos/gen/', '^dist/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};

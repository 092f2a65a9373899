import type { ProxyKind, ProxySite, Replacements } from '../helpers/documented-proxy.ts';
import { join } from 'node:path';

const addresses = ([first, second]: ProxySite['gateways']): Replacements => ({
  'gw1.internal:50051': first.grpc,
  'gw2.internal:50051': second.grpc,
  'gw1.internal:8080': first.web,
  'gw2.internal:8080': second.web,
});

export const nginx: ProxyKind = {
  name: 'nginx',
  configuration: 'nginx.conf',
  replacements: ({ directory, port, gateways, identity }) => ({
    ...addresses(gateways),
    'listen 443': `listen 127.0.0.1:${port}`,
    '/etc/nginx/live.crt': identity.certFile,
    '/etc/nginx/live.key': identity.keyFile,
    // Debian's are where only root writes.
    'http {': ['http {', 'access_log off;', ...temporaryPaths(directory)].join('\n'),
  }),
  arguments: (file, { directory }) => [
    ...['-c', file, '-p', directory, '-e', 'stderr'],
    ...['-g', `daemon off; pid ${join(directory, 'pid')}; error_log stderr warn;`],
  ],
};

const temporaryPaths = (directory: string): string[] =>
  ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(directory, name)};`,
  );

export const haproxy: ProxyKind = {
  name: 'haproxy',
  configuration: 'haproxy.cfg',
  replacements: ({ port, gateways, identity }) => ({
    ...addresses(gateways),
    // An ordinary user's limit of open files is lower.
    'maxconn 50000': 'maxconn 1000',
    'bind :443': `bind 127.0.0.1:${port}`,
    '/etc/haproxy/live.pem': identity.bundleFile,
  }),
  arguments: (file) => ['-db', '-f', file],
};

export const caddy: ProxyKind = {
  name: 'caddy',
  configuration: 'Caddyfile',
  replacements: ({ port, gateways, identity }) => ({
    ...addresses(gateways),
    ':443 {': `:${port} {\n\tbind 127.0.0.1`,
    '/etc/caddy/live.crt': identity.certFile,
    '/etc/caddy/live.key': identity.keyFile,
    'admin localhost:2019': 'admin off',
  }),
  arguments: (file) => ['run', '--config', file, '--adapter', 'caddyfile'],
};

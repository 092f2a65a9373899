/** Who does what operators do: it may do everything. Gateways come without a name. */
export const operator = { user: 'operator', pass: 'operator' } as const;

/** What operators take from gateways, or limits that are reached; absent: nothing is. */
export interface Restrictions {
  /** Subjects that gateways may not publish to. */
  readonly noPublish?: readonly string[];
  /** Subjects that gateways may not subscribe to. */
  readonly noSubscribe?: readonly string[];
  /** Subscriptions of one connection. */
  readonly maxSubscriptions?: number;
  /** Connections to one server. */
  readonly maxConnections?: number;
  /** Bytes that the account's streams hold together. */
  readonly maxStoreBytes?: number;
}

/** What a nats-server is, whatever is restricted. */
export interface NatsIdentity {
  readonly name: string;
  readonly storeDirectory: string;
  /** The `cluster` block; undefined for a server that is alone. */
  readonly cluster: object | undefined;
}

/**
 * The configuration of a nats-server, as JSON, which it reads like its own format. All of it is here and nothing in the command
 * line: a server that reads its file again takes what only arguments had said for changed, and refuses or drops it.
 */
export function natsConfiguration(
  { name, storeDirectory, cluster }: NatsIdentity,
  restrictions: Restrictions = {},
): string {
  const { noPublish = [], noSubscribe = [], maxSubscriptions, maxConnections, maxStoreBytes } = restrictions;
  const permissions = {
    publish: { allow: '>', deny: noPublish },
    subscribe: { allow: '>', deny: noSubscribe },
  };
  const configuration = {
    server_name: name,
    jetstream: { store_dir: storeDirectory },
    accounts: {
      LIVE: {
        jetstream: maxStoreBytes === undefined ? 'enabled' : { max_file: maxStoreBytes },
        users: [
          { user: operator.user, password: operator.pass },
          { user: 'gateway', password: 'gateway', permissions },
        ],
        ...(maxSubscriptions !== undefined && { limits: { max_subs: maxSubscriptions } }),
      },
    },
    no_auth_user: 'gateway',
    ...(cluster !== undefined && { cluster }),
    ...(maxConnections !== undefined && { max_connections: maxConnections }),
  };
  return `${JSON.stringify(configuration, undefined, 2)}\n`;
}

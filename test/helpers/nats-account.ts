/** Who may do everything in the account that gateways are let into without credentials. */
export const ADMIN = { user: 'admin', pass: 'admin' };

/** What gateways may not do. */
export interface AccountOptions {
  readonly denyPublish?: readonly string[];
  readonly denySubscribe?: readonly string[];
  /** Further settings of the server. */
  readonly server?: string;
}

/** Configuration of a nats-server with two users: gateways are let in without credentials. */
export function accountConfig({
  denyPublish = [],
  denySubscribe = [],
  server = '',
}: AccountOptions = {}): string {
  return `
    authorization {
      users = [
        {
          user: gateway, password: gateway
          permissions: {
            publish: { allow: ">", deny: ${JSON.stringify(denyPublish)} }
            subscribe: { allow: ">", deny: ${JSON.stringify(denySubscribe)} }
          }
        }
        { user: ${ADMIN.user}, password: ${ADMIN.pass} }
      ]
    }
    no_auth_user: gateway
    ${server}`;
}

/** Configuration of a nats-server that lets gateways into an account of their own. */
export function ownAccountConfig({ jetstream }: { readonly jetstream: boolean }): string {
  return `
    accounts {
      LIVE {
        jetstream: ${jetstream ? 'enabled' : 'disabled'}
        users: [{ user: gateway, password: gateway }, { user: ${ADMIN.user}, password: ${ADMIN.pass} }]
      }
    }
    no_auth_user: gateway`;
}

/** Where a secret is: in the settings themselves (in an address), or in a file that is read for every connection. */
export type Secret =
  { readonly kind: 'value'; readonly value: string } | { readonly kind: 'file'; readonly path: string };

/** Who the gateway is to a NATS server. */
export type NatsCredentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'password'; readonly user: string; readonly password: Secret }
  | { readonly kind: 'token'; readonly token: Secret }
  /** The file holds the seed of a user's NKey. */
  | { readonly kind: 'nkey'; readonly path: string }
  /** The file holds a user's JWT and seed, as `nsc` writes them. */
  | { readonly kind: 'creds'; readonly path: string };

/** Paths of PEM files, which are read for every connection; absent: the certificate authorities that Node knows, no client certificate. */
export interface TlsFiles {
  readonly ca?: string;
  readonly client?: { readonly cert: string; readonly key: string };
}

/** Whether connections to NATS are encrypted. */
export type NatsTls =
  /** If the server offers it. */
  | { readonly kind: 'offered' }
  /** Always: nothing is sent to a server that does not. */
  | { readonly kind: 'required'; readonly files: TlsFiles };

/** How NATS is reached. Plain data, so that the primary can tell it to its workers; secrets in files are not part of it. */
export interface NatsAccess {
  /** Without credentials. */
  readonly urls: readonly string[];
  readonly credentials: NatsCredentials;
  readonly tls: NatsTls;
}

/** Servers that let everybody in. */
export function openAccess(urls: readonly string[]): NatsAccess {
  return { urls, credentials: { kind: 'none' }, tls: { kind: 'offered' } };
}

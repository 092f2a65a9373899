import {
  parseAddress,
  parseText,
  parseSwitch,
  parseHttpUrl,
  parseNetworks,
  durationWithin,
} from './parsers.ts';
import { optional, required } from './setting.ts';

const SECOND_MS = 1_000;

/** Where viewers are served, and how they and the gateway show each other who they are. */
export const ACCESS_SETTINGS = {
  listen: required({
    flag: 'listen',
    placeholder: 'host:port',
    help: 'address to serve viewers on',
    takes: 'host:port; port 0 picks a free one, an IPv6 host stands in brackets',
    fallback: '127.0.0.1:50051',
    parse: parseAddress,
  }),
  insecure: required({
    flag: 'insecure',
    help: 'serve on other addresses than loopback, and HTTP under any name, even if viewers are not authenticated',
    takes: 'true or false',
    fallback: 'false',
    parse: parseSwitch,
  }),
  jwtSecretFile: optional({
    flag: 'jwt-secret-file',
    placeholder: 'file',
    help: 'viewers bring tokens (JWT), signed with HS256 and the secret in this file',
    takes: 'the path of a file with at least 32 bytes',
    parse: parseText,
  }),
  jwtPublicKey: optional({
    flag: 'jwt-public-key',
    placeholder: 'file',
    help: 'viewers bring tokens, signed with RS256, ES256 or EdDSA: the key that they are verified with, as PEM or JWK',
    takes: 'the path of a file',
    parse: parseText,
  }),
  jwksUrl: optional({
    flag: 'jwks-url',
    placeholder: 'url',
    help: 'viewers bring tokens, signed with one of the keys of this JWK Set',
    takes: 'an https:// or http:// URL',
    parse: parseHttpUrl,
  }),
  jwtIssuer: optional({
    flag: 'jwt-issuer',
    placeholder: 'name',
    help: 'only tokens of this issuer (iss) are taken',
    takes: 'a text',
    parse: parseText,
  }),
  jwtAudience: optional({
    flag: 'jwt-audience',
    placeholder: 'name',
    help: 'only tokens for this audience (aud) are taken',
    takes: 'a text',
    parse: parseText,
  }),
  jwtLeewayMs: required({
    flag: 'jwt-leeway',
    placeholder: 'duration',
    help: 'how much the clocks of issuer and gateway may differ',
    takes: 'a duration from 0s to 1h, such as 30s',
    fallback: '30s',
    parse: durationWithin(0, 3_600 * SECOND_MS),
  }),
  tokenGraceMs: required({
    flag: 'token-grace',
    placeholder: 'duration',
    help: 'how long a viewer may stay after the end of its token without a new one',
    takes: 'a duration from 0s to 1h, such as 30s',
    fallback: '30s',
    parse: durationWithin(0, 3_600 * SECOND_MS),
  }),
  tlsCert: optional({
    flag: 'tls-cert',
    placeholder: 'file',
    help: 'serve viewers by TLS, with the certificate in this file and the chain behind it (PEM); read again when it changes, and on SIGHUP',
    takes: 'the path of a file',
    parse: parseText,
  }),
  tlsKey: optional({
    flag: 'tls-key',
    placeholder: 'file',
    help: 'private key of the certificate (PEM, without a passphrase)',
    takes: 'the path of a file',
    parse: parseText,
  }),
  tlsClientCa: optional({
    flag: 'tls-client-ca',
    placeholder: 'file',
    help: 'serve only clients with a certificate of an authority in this file (PEM): mutual TLS',
    takes: 'the path of a file',
    parse: parseText,
  }),
  trustedProxies: optional({
    flag: 'trusted-proxies',
    placeholder: 'networks',
    help: 'proxies that are believed what they say of where viewers come from (X-Forwarded-For)',
    takes: 'addresses or networks, separated by commas, such as 10.0.0.0/8,2001:db8::1',
    parse: parseNetworks,
  }),
  proxyProtocol: required({
    flag: 'proxy-protocol',
    help: 'connections of --trusted-proxies begin with a header of the PROXY protocol (version 1 or 2)',
    takes: 'true or false',
    fallback: 'false',
    parse: parseSwitch,
  }),
};

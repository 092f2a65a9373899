import { nkeys as untyped } from 'nats';

/** A key of NATS: the seed is secret. */
export interface KeyPair {
  getPublicKey(): string;
  getSeed(): Uint8Array;
  sign(input: Uint8Array): Uint8Array;
}

/** Keys of NATS; the client passes on what has no types. */
export const nkeys = untyped as {
  /** @throws when it is none */
  fromSeed(seed: Uint8Array): KeyPair;
  createOperator(): KeyPair;
  createAccount(): KeyPair;
  createUser(): KeyPair;
};

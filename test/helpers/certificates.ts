import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const openssl = async (...args: string[]): Promise<void> => {
  await promisify(execFile)('openssl', args);
};

/** What somebody shows to prove who they are: PEM, and the files that it is in. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** Both in one. */
  readonly bundleFile: string;
}

/** A certificate authority that lives in a directory. */
export class Authority {
  readonly #directory: string;
  readonly #name: string;
  /** Its own certificate. */
  readonly ca: string;
  readonly caFile: string;
  #serial = 0;

  private constructor(directory: string, name: string, ca: string) {
    this.#directory = directory;
    this.#name = name;
    this.ca = ca;
    this.caFile = join(directory, `${name}.crt`);
  }

  static async create(directory: string, name = 'ca'): Promise<Authority> {
    const [cert, key] = [join(directory, `${name}.crt`), join(directory, `${name}.key`)];
    // prettier-ignore
    await openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-days', '30', '-subj', `/CN=${name}`);
    return new Authority(directory, name, await readFile(cert, 'utf8'));
  }

  /**
   * Issues a certificate.
   * @param names for what it is good, as OpenSSL writes it
   */
  async issue(names = 'DNS:localhost,IP:127.0.0.1'): Promise<Identity> {
    const number = ++this.#serial;
    const stem = join(this.#directory, `${this.#name}-${number}`);
    const [certFile, keyFile, request, extensions] = ['crt', 'key', 'csr', 'ext'].map(
      (suffix) => `${stem}.${suffix}`,
    ) as [string, string, string, string];
    await writeFile(extensions, `subjectAltName=${names}\n`);
    // prettier-ignore
    await openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile, '-out', request, '-subj', `/CN=${this.#name}-${number}`);
    // prettier-ignore
    await openssl('x509', '-req', '-in', request, '-CA', this.caFile, '-CAkey', join(this.#directory, `${this.#name}.key`), '-set_serial', `${1_000 + number}`, '-days', '20', '-extfile', extensions, '-out', certFile);
    const [cert, key] = [await readFile(certFile, 'utf8'), await readFile(keyFile, 'utf8')];
    const bundleFile = `${stem}.pem`;
    await writeFile(bundleFile, cert + key);
    return { cert, key, certFile, keyFile, bundleFile };
  }
}

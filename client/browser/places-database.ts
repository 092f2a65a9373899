/** Of the layout below. */
const VERSION = 1;
const PLACES = 'places';

/** The database of places. It is opened when it is first needed; and again where somebody else had it closed, by deleting what is stored for example. */
export class PlacesDatabase {
  readonly #name: string;
  /** Undefined: it is to be opened. */
  #opened: Promise<IDBDatabase> | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  /** Begins to read or write: `work` makes its requests without waiting for anything else. Resolves when what it did is kept. */
  async transact<T>(mode: IDBTransactionMode, work: (places: IDBObjectStore) => Promise<T>): Promise<T> {
    const transaction = (await this.#open()).transaction(PLACES, mode);
    const done = completed(transaction);
    const [value] = await Promise.all([work(transaction.objectStore(PLACES)), done]);
    return value;
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    await opened?.then(
      (database) => database.close(),
      () => undefined,
    );
  }

  #open(): Promise<IDBDatabase> {
    if (this.#opened !== undefined) return this.#opened;
    const opened = open(this.#name, () => forget());
    const forget = (): void => {
      if (this.#opened === opened) this.#opened = undefined;
    };
    opened.catch(forget);
    return (this.#opened = opened);
  }
}

/** @param closed told when it was closed, though we had not asked for that */
async function open(name: string, closed: () => void): Promise<IDBDatabase> {
  const request = indexedDB.open(name, VERSION);
  request.onupgradeneeded = () => void request.result.createObjectStore(PLACES);
  const database = await result(request);
  // Somebody deletes it, or a later version of the page wants another layout: they do not have to wait for this one.
  database.onversionchange = () => {
    database.close();
    closed();
  };
  database.onclose = closed;
  return database;
}

/** What a request is answered with. */
export function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('the request failed'));
  });
}

function completed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error('the transaction was aborted'));
  });
}

import { fork } from 'node:child_process';
import { once } from 'node:events';

/** Functions that a process of the load offers to the bench. */
type Methods<T> = { [K in keyof T]: (argument: never) => unknown };

interface Call {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}

type Answer =
  { readonly id: number; readonly result: unknown } | { readonly id: number; readonly error: string };

/** Another process, so that load and server do not share an event loop. */
export interface Worker<T extends Methods<T>> {
  readonly pid: number;
  /** @throws with the other process's message when the method has thrown there */
  call<K extends keyof T & string>(
    method: K,
    argument: Parameters<T[K]>[0],
  ): Promise<Awaited<ReturnType<T[K]>>>;
  stop(): Promise<void>;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Starts the module at `script`, which calls {@link serve}. */
export function startWorker<T extends Methods<T>>(script: URL): Worker<T> {
  const child = fork(script, { serialization: 'advanced' });
  const pending = new Map<number, Pending>();
  let lastId = 0;
  child.on('message', (answer: Answer) => {
    const caller = pending.get(answer.id);
    pending.delete(answer.id);
    if ('error' in answer) caller?.reject(new Error(answer.error));
    else caller?.resolve(answer.result);
  });
  child.on('exit', (code) => {
    for (const { reject } of pending.values()) reject(new Error(`a load process has ended with ${code}`));
  });
  return {
    pid: child.pid as number,
    call(method, argument) {
      const answered = new Promise<never>((resolve, reject) => {
        const id = ++lastId;
        pending.set(id, { resolve: (value) => resolve(value as never), reject });
        child.send({ id, method, argument } satisfies Call);
      });
      // Whoever has begun a call may fail before it waits for the answer.
      answered.catch(() => undefined);
      return answered;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Offers `methods` to the process that started this one. */
export function serve<T extends Methods<T>>(methods: T): void {
  const answer = (reply: Answer): void => void process.send?.(reply);
  process.on('message', ({ id, method, argument }: Call) => {
    Promise.resolve()
      .then(() => (methods as unknown as Record<string, (argument: unknown) => unknown>)[method]?.(argument))
      .then(
        (result) => answer({ id, result }),
        (error: unknown) => answer({ id, error: error instanceof Error ? error.message : String(error) }),
      );
  });
  process.on('disconnect', () => process.exit());
}

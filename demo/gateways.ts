import { find } from './dom.ts';

/** Where the page asks for the gateway beside its own, and says what is to become of it. */
const SECOND = '/demo/second-gateway';

interface Second {
  /** `host:port`. */
  readonly address: string;
  readonly running: boolean;
}

/** The gateways of the room: the one that serves the page, and one beside it that may be killed, where there is one. */
export class Gateways {
  /** Of all, the page's own first. */
  readonly endpoints: readonly string[];

  private constructor(second: Second | undefined) {
    this.endpoints = [location.origin, ...(second === undefined ? [] : [`ws://${second.address}`])];
  }

  /** Asks which there are, and has the second one killed and started again by a button of the page. */
  static async of(page: ParentNode): Promise<Gateways> {
    const second = await ask(SECOND).catch(() => undefined);
    if (second !== undefined) control(page, second);
    return new Gateways(second);
  }

  /** What an endpoint is called on the page. */
  nameOf(endpoint: string): string {
    return 'AB'[this.endpoints.indexOf(endpoint)] ?? endpoint;
  }
}

function control(page: ParentNode, second: Second): void {
  const button = find<HTMLButtonElement>(page, '#second');
  const said = find(page, '#said');
  let { running } = second;
  const name = (): string => (button.textContent = running ? 'Kill gateway B' : 'Start gateway B again');
  const order = async (): Promise<void> => {
    button.disabled = true;
    try {
      ({ running } = await ask(`${SECOND}/${running ? 'kill' : 'start'}`, 'POST'));
      said.textContent = running
        ? 'Gateway B is there again'
        : 'Gateway B is dead: its connections are gone, and it said no goodbye';
    } catch (error) {
      said.textContent = error instanceof Error ? error.message : String(error);
    }
    name();
    button.disabled = false;
  };
  button.addEventListener('click', () => void order());
  name();
  button.hidden = false;
}

/** @throws when it is not answered, or there is none */
async function ask(path: string, method = 'GET'): Promise<Second> {
  const response = await fetch(path, { method });
  const answer = (await response.json()) as Partial<Second> & { readonly detail?: string };
  const { address, running, detail } = answer;
  if (address === undefined || running === undefined) throw new Error(detail ?? 'there is no second gateway');
  return { address, running };
}

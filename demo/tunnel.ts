type SocketData = Parameters<WebSocket['send']>[0];

/**
 * A tunnel that a viewer drives through. In it no packet arrives in either direction, and nobody is told: connections stay open at both ends, as a phone's do. What TCP
 * would send again, when the tunnel is over, comes then, if its connection still exists.
 */
export class Tunnel {
  /** What connections have to be made of to go through it. */
  readonly WebSocket: typeof WebSocket;
  readonly #leaving = new EventTarget();
  #inside = false;

  constructor() {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the class has a `this` of its own
    const tunnel = this;
    this.WebSocket = class extends WebSocket {
      /** What is on its way. */
      #held: (() => void)[] = [];
      #opened = false;

      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        // The first listeners there are: nobody hears of what they stop.
        for (const type of ['open', 'message', 'close'])
          this.addEventListener(type, (event) => this.#arrive(event));
        tunnel.#leaving.addEventListener('leave', () => this.#flow());
      }

      override send(data: SocketData): void {
        if (tunnel.#inside) this.#held.push(() => super.send(data));
        else super.send(data);
      }

      /** Whoever closes it hears nothing more of it; its other end does not know yet. */
      override close(code?: number, reason?: string): void {
        this.#held = [];
        if (tunnel.#inside && this.#opened) this.#held.push(() => super.close(code, reason));
        else super.close(code, reason);
      }

      #arrive(event: Event): void {
        if (!tunnel.#inside) {
          if (event.type === 'open') this.#opened = true;
          return;
        }
        event.stopImmediatePropagation();
        const again = Reflect.construct(event.constructor, [event.type, event]) as Event;
        this.#held.push(() => this.dispatchEvent(again));
      }

      #flow(): void {
        for (const happen of this.#held.splice(0)) happen();
      }
    };
  }

  get inside(): boolean {
    return this.#inside;
  }

  enter(): void {
    this.#inside = true;
  }

  leave(): void {
    this.#inside = false;
    this.#leaving.dispatchEvent(new Event('leave'));
  }
}

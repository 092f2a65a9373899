/** One protocol message of a NATS server, whole. */
export interface NatsFrame {
  /** The control line, its line break, and payload with line break if it has one. */
  readonly bytes: Buffer;
  /** Set for MSG and HMSG only. */
  readonly subject: string | undefined;
}

const LINE_FEED = 0x0a;
const LINE_BREAK_BYTES = 2;
const verbsWithoutPayload = new Set(['INFO', 'PING', 'PONG', '+OK', '-ERR']);

/**
 * Cuts what a NATS server sends into whole protocol messages, wherever the chunks are cut. Must see a connection from
 * its first byte.
 */
export class NatsFrames {
  private parts: Buffer[] = [];
  private held = 0;
  /** The unfinished frame has at least this many bytes. */
  private needed = 1;

  /**
   * Takes the next bytes and returns the frames they complete. The frames share memory with the chunks.
   * @throws if the bytes are not the protocol of a NATS server.
   */
  push(chunk: Buffer): NatsFrame[] {
    this.parts.push(chunk);
    this.held += chunk.length;
    if (this.held < this.needed) return [];
    const frames: NatsFrame[] = [];
    let rest = this.takeRest();
    for (;;) {
      const header = readHeader(rest);
      this.needed = header?.frameBytes ?? rest.length + 1;
      if (header === undefined || rest.length < header.frameBytes) break;
      frames.push({ bytes: rest.subarray(0, header.frameBytes), subject: header.subject });
      rest = rest.subarray(header.frameBytes);
    }
    this.parts = [rest];
    this.held = rest.length;
    return frames;
  }

  /** Takes out the bytes of the unfinished frame. */
  takeRest(): Buffer {
    const [first = Buffer.alloc(0), ...others] = this.parts;
    const rest = others.length === 0 ? first : Buffer.concat(this.parts);
    this.parts = [];
    this.held = 0;
    return rest;
  }
}

interface FrameHeader {
  readonly frameBytes: number;
  readonly subject: string | undefined;
}

/** Reads the control line at the start of `bytes`; undefined if it is not complete. */
function readHeader(bytes: Buffer): FrameHeader | undefined {
  const lineEnd = bytes.indexOf(LINE_FEED);
  if (lineEnd < 0) return undefined;
  const line = bytes.toString('utf8', 0, lineEnd);
  const [verb = '', ...fields] = line.trim().split(/[ \t]+/);
  if (verb === 'MSG' || verb === 'HMSG') {
    const payloadBytes = Number(fields.at(-1));
    if (!Number.isSafeInteger(payloadBytes) || fields.length < 3) throw notNats(line);
    return { frameBytes: lineEnd + 1 + payloadBytes + LINE_BREAK_BYTES, subject: fields[0] };
  }
  if (!verbsWithoutPayload.has(verb)) throw notNats(line);
  return { frameBytes: lineEnd + 1, subject: undefined };
}

function notNats(line: string): Error {
  return new Error(`not the protocol of a NATS server: ${JSON.stringify(line.slice(0, 80))}`);
}

import type { WriteStream } from 'node:tty';
import pc from 'picocolors';
import type { Clock } from '../../common/clock.ts';
import { systemClock } from '../../common/clock.ts';
import type { Progress } from './progress.ts';

/** How often a line is written where lines cannot be overwritten, in milliseconds. */
const PLAIN_EVERY_MS = 2_000;

/** Shows how a run goes: a few lines written over and over on a terminal, else a line now and then. */
export class Status {
  readonly #stream: WriteStream;
  readonly #clock: Clock;
  #shownLines = 0;
  #nextPlainMs = 0;
  #lastPhase: Progress['phase'] | undefined;

  constructor(stream: WriteStream, clock: Clock = systemClock) {
    this.#stream = stream;
    this.#clock = clock;
  }

  show(progress: Progress): void {
    if (this.#stream.isTTY) this.#overwrite(statusLines(progress));
    else this.#append(progress);
  }

  /** Takes the lines away that would be overwritten next. */
  clear(): void {
    this.#overwrite([]);
  }

  #overwrite(lines: readonly string[]): void {
    if (this.#shownLines > 0) this.#stream.write(`\u001b[${this.#shownLines}A\u001b[J`);
    // Lines are cut off at the edge, not wrapped: else nobody knows how many there are to overwrite.
    if (lines.length > 0) this.#stream.write(`\u001b[?7l${lines.join('\n')}\n\u001b[?7h`);
    this.#shownLines = lines.length;
  }

  #append(progress: Progress): void {
    const nowMs = this.#clock.monotonicMs();
    if (progress.phase === this.#lastPhase && nowMs < this.#nextPlainMs) return;
    this.#lastPhase = progress.phase;
    this.#nextPlainMs = nowMs + PLAIN_EVERY_MS;
    this.#stream.write(`${plainLine(progress)}\n`);
  }
}

/** For a terminal, in colours. */
function statusLines(progress: Progress): string[] {
  const { census } = progress;
  const states = countsText(census.states, (name) => (name === 'live' ? pc.green : pc.yellow));
  const faults = faultsText(progress);
  return [
    row(progress.phase, timeText(progress)),
    row('viewers', states === '' ? 'starting' : states),
    row('faults', faults === '' ? pc.dim('none') : pc.red(faults)),
    row('messages', messagesText(progress)),
  ];
}

/** For a log. */
function plainLine(progress: Progress): string {
  const faults = faultsText(progress);
  const parts = [
    [progress.phase, timeText(progress)].filter(Boolean).join(' '),
    countsText(progress.census.states, () => (text) => text),
    faults === '' ? 'no faults' : faults,
    messagesText(progress),
  ];
  return parts.filter(Boolean).join('; ');
}

const row = (name: string, text: string): string => `${pc.bold(name.padEnd(11))}${text}`;

function timeText({ leftMs }: Progress): string {
  return leftMs === undefined ? '' : `${(leftMs / 1_000).toFixed(0)} s left`;
}

function faultsText({ census, backendFault }: Progress): string {
  const onViewers = countsText(census.faults, () => (text) => text);
  return [backendFault, onViewers].filter(Boolean).join(', ');
}

function messagesText({ published, census }: Progress): string {
  const { acknowledged, unknown } = published;
  const doubt = unknown > 0 ? ` (${unknown} of unknown outcome)` : '';
  return `published ${acknowledged}${doubt}, delivered ${census.delivered}, lost ${census.holes}`;
}

function countsText(
  counts: Readonly<Partial<Record<string, number>>>,
  paint: (name: string) => (text: string) => string,
): string {
  return Object.entries(counts)
    .map(([name, count]) => paint(name)(`${count} ${name}`))
    .join(', ');
}

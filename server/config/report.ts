import { redacted } from '../../common/node/redact.ts';
import type { Reading, Source } from './reading.ts';
import { ALL_SETTINGS } from './reading.ts';

/** A value and where it comes from: a flag, a variable, a place in the file, or the default. Without the credentials of addresses. */
interface ReportedValue {
  readonly setting: string;
  /** Undefined: not set. */
  readonly value: string | undefined;
  readonly from: string;
}

/** What `--check` tells, as its JSON has it. */
export interface CheckReport {
  readonly ok: boolean;
  readonly file: string | undefined;
  readonly settings: readonly ReportedValue[];
  /** In the order in which they count. */
  readonly namespaces: readonly (readonly ReportedValue[])[];
  /** With any of them the gateway would not start. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** @param found what is wrong with what the settings name */
export function checkReport(
  { file, given, namespaces }: Reading,
  found: { readonly problems: readonly string[]; readonly warnings: readonly string[] },
): CheckReport {
  return {
    ok: found.problems.length === 0,
    file,
    settings: ALL_SETTINGS.map(([name, { flag }]) => {
      const value = given[name];
      return value === undefined
        ? { setting: flag, value: undefined, from: 'not set' }
        : { setting: flag, value: redacted(value.text), from: namedSource(value.source) };
    }),
    namespaces: namespaces.map(({ keys }) =>
      keys.map(({ key, value, place }) => ({ setting: key, value, from: place })),
    ),
    problems: found.problems.map(redacted),
    warnings: found.warnings.map(redacted),
  };
}

/** The settings for people: a table. What is wrong is not in it. */
export function reportText({ settings, namespaces }: CheckReport): string {
  const rows = [
    ...settings,
    ...namespaces.flatMap((keys, index) =>
      keys.map((key) => ({ ...key, setting: `namespaces[${index}].${key.setting}` })),
    ),
  ].map(({ setting, value = '', from }) => [setting, value, from]);
  const width = (column: number): number => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const widths = [width(0), width(1)];
  return rows.map((row) => row.map((cell, n) => cell.padEnd(widths[n] ?? 0)).join('  ')).join('\n');
}

/** In a word or two. */
export function namedSource(source: Source): string {
  switch (source.kind) {
    case 'environment':
      return source.variable;
    case 'file':
      return source.place;
    case 'flag':
    case 'default':
      return source.kind;
  }
}

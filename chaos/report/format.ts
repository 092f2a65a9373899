/** A count with separators, as `12,345`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** A duration for people, to three digits: `0.42 ms`, `17 ms`, `1.24 s`, `2 min 5 s`; `–` if there is none. */
export function formatMs(ms: number | null): string {
  if (ms === null) return '–';
  if (ms < 1_000) return `${significant(ms)} ms`;
  if (ms < 120_000) return `${significant(ms / 1_000)} s`;
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** A moment of a run to the millisecond, right-aligned: `  12.345 s`. */
export function formatClock(ms: number): string {
  return `${(ms / 1_000).toFixed(3).padStart(8)} s`;
}

/** Bytes for people: `2.05 KB`; powers of 1,000. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${significant(value)} ${units[unit] ?? ''}`;
}

/** A share of one: `12.5 %`; `–` if there is none. */
export function formatShare(share: number | null): string {
  return share === null ? '–' : `${significant(share * 100)} %`;
}

/** To three digits, without zeros at the end; `–` if there is none. */
export function significant(value: number | null): string {
  return value === null ? '–' : String(Number(value.toPrecision(3)));
}

/** The sum of a metric over all its labels, on a page as Prometheus reads it; NaN when it is not there. */
export function sumOf(page: string, name: string): number {
  const values = [...page.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'))];
  return values.length === 0 ? Number.NaN : values.reduce((sum, [, value]) => sum + Number(value), 0);
}

/**
 * Lets everything happen that needs no time: promises that follow from promises, and what `setImmediate` deferred. With
 * a {@link StreamModel} and a {@link ManualClock} nothing else can happen by itself.
 */
export async function settle(turns = 30): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Frames are written one in a turn of the event loop. */
const TURNS = 30;

/**
 * Lets everything happen that needs no time: promises that follow from promises, and what `setImmediate` deferred. With
 * a {@link StreamModel} and a {@link ManualClock} nothing else can happen by itself.
 */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
}

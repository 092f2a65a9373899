/** The largest frame that there can be, in bytes: NATS stores no message above 64 MiB. A longer one is a defect, or a bomb. */
export const LARGEST_FRAME_BYTES = 65 * 1024 * 1024;

/**
 * What node is started with to be a gateway; `npm start` has it, too. The young generation may not grow beyond 2 MiB a half: what outlives
 * a moment here lives as long as its viewer, so that a larger one only takes memory, and no work off the collector.
 */
export const NODE_ARGUMENTS: readonly string[] = ['--max-semi-space-size=2'];

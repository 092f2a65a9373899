/** Which revision of the contract this is: one more with each addition. See `Welcome.revision`. */
export const CONTRACT_REVISION = 5;

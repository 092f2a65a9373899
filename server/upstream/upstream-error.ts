/** NATS could not be asked, or did not answer; the same question may be asked again. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
}

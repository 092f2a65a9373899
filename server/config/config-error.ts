/** The command line, the environment or the configuration file is wrong; the message names every setting concerned, a line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

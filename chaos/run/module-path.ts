/**
 * The URL of a module to be run in another process, beside the module whose URL is `importer`: its TypeScript source
 * while this code runs from source, else what was built of it.
 * @param module relative, without its ending
 */
export function siblingModule(importer: string, module: string): URL {
  const ending = importer.slice(importer.lastIndexOf('.'));
  return new URL(`${module}${ending}`, importer);
}

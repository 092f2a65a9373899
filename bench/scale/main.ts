import { scaleTables } from './tables.ts';

for (const [name, text] of Object.entries(scaleTables())) process.stdout.write(`\n### ${name}\n\n${text}\n`);

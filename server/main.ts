#!/usr/bin/env node
import { EndSignals } from './process/end-signals.ts';

// Before all else is loaded, let alone started: until somebody listens, a signal ends the process where it stands.
const signals = new EndSignals();
const { run } = await import('./run.ts');
await run(signals);

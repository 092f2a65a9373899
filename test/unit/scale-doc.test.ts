import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { CHECKS } from '../../bench/scale/checks.ts';
import { plan, worst } from '../../bench/scale/model.ts';
import { LOAD, SIZES } from '../../bench/scale/sizes.ts';
import { scaleDoc, SCALE_DOC_FILE } from '../../scripts/scale-doc.ts';

describe('docs/scale.md', () => {
  it('has the tables that the simulation prints: `npm run docs` changes nothing', async () => {
    const document = await readFile(SCALE_DOC_FILE, 'utf8');
    assert.equal(document, await scaleDoc(document));
  });

  it('proposes for each size what holds', () => {
    for (const { viewers, topology } of SIZES) {
      const { resource, share } = worst(plan({ ...LOAD, viewers }, topology));
      assert.ok(share <= 1, `${viewers} viewers: ${resource} is used to ${share}`);
    }
  });

  it('says of each measurement that the model was not fitted to how far off it is, and is off by less than half', () => {
    for (const { what, measured, predicted } of CHECKS)
      assert.ok(Math.abs(predicted / measured - 1) < 0.5, `${what}: ${measured}, not ${predicted}`);
  });
});

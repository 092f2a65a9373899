import assert from 'node:assert/strict';
import type { Continuity, Evidence } from '../../server/log/continuity.ts';
import { judge } from '../../server/log/continuity.ts';

const FINGERPRINT = 0xabc;
const OTHER = 0xdef;

/** A row of the resume table: a cursor at 10 with its fingerprint, what is found, and the verdict. */
interface Row {
  readonly name: string;
  readonly fingerprint: number;
  readonly evidence: Partial<Evidence>;
  readonly verdict: Continuity;
}

const rows: readonly Row[] = [
  { name: 'the message', fingerprint: FINGERPRINT, evidence: { found: FINGERPRINT }, verdict: 'continuous' },
  {
    name: 'the message, though it is the oldest',
    fingerprint: FINGERPRINT,
    evidence: { found: FINGERPRINT, firstSeq: 10 },
    verdict: 'continuous',
  },
  {
    name: 'any message, for a bare position',
    fingerprint: 0,
    evidence: { found: OTHER },
    verdict: 'continuous',
  },
  { name: 'another message', fingerprint: FINGERPRINT, evidence: { found: OTHER }, verdict: 'rewound' },
  {
    name: 'nothing, for a bare position within the stream',
    fingerprint: 0,
    evidence: { firstSeq: 3 },
    verdict: 'continuous',
  },
  {
    name: "another room's message, for a bare position",
    fingerprint: 0,
    evidence: { heldElsewhere: true },
    verdict: 'continuous',
  },
  {
    name: 'nothing, and the next sequence is the oldest',
    fingerprint: 0,
    evidence: { firstSeq: 11 },
    verdict: 'continuous',
  },
  {
    name: 'nothing, and the message was the last to be evicted',
    fingerprint: FINGERPRINT,
    evidence: { firstSeq: 11 },
    verdict: 'continuous',
  },
  {
    name: 'nothing, for a bare position long evicted',
    fingerprint: 0,
    evidence: { firstSeq: 12 },
    verdict: 'evicted',
  },
  {
    name: 'nothing, and the message is long evicted',
    fingerprint: FINGERPRINT,
    evidence: { firstSeq: 12 },
    verdict: 'evicted',
  },
  {
    name: 'nothing where a message was, though the stream goes back further: purged',
    fingerprint: FINGERPRINT,
    evidence: { firstSeq: 3 },
    verdict: 'evicted',
  },
  {
    name: "another room's message where the room's was",
    fingerprint: FINGERPRINT,
    evidence: { firstSeq: 3, heldElsewhere: true },
    verdict: 'rewound',
  },
  {
    name: 'the message, in another epoch',
    fingerprint: FINGERPRINT,
    evidence: { epoch: 'B', found: FINGERPRINT },
    verdict: 'recreated',
  },
  {
    name: 'the message in another epoch that the stream predates: it was edited and restarted',
    fingerprint: FINGERPRINT,
    evidence: { epoch: 'B', found: FINGERPRINT, predated: true },
    verdict: 'continuous',
  },
  {
    name: 'another message in another epoch that the stream predates',
    fingerprint: FINGERPRINT,
    evidence: { epoch: 'B', found: FINGERPRINT + 1, predated: true },
    verdict: 'recreated',
  },
  {
    name: 'a message where a bare position of another epoch is',
    fingerprint: 0,
    evidence: { epoch: 'B', found: FINGERPRINT, predated: true },
    verdict: 'recreated',
  },
  { name: 'nothing, in another epoch', fingerprint: 0, evidence: { epoch: 'B' }, verdict: 'recreated' },
];

describe('Resumable: the resume table', () => {
  for (const { name, fingerprint, evidence, verdict } of rows) {
    it(`${verdict}: finds ${name}`, () => {
      const found: Evidence = {
        epoch: 'A',
        found: undefined,
        firstSeq: 1,
        heldElsewhere: false,
        predated: false,
        ...evidence,
      };
      assert.equal(judge({ epoch: 'A', seq: 10, fingerprint }, found), verdict);
    });
  }
});

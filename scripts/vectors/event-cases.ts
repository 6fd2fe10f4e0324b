import { utf8 } from '../../server/core/read/bytes.ts';
import { canonicalize } from '../../server/core/read/json.ts';
import type { CheckId, Verdict } from '../../server/core/verify/report.ts';
import { contentOf, makeEvents, type Step } from './case-sample.ts';
import { type GivenCase, ourNode, PHOTO, type VectorCase } from './cases.ts';
import { trustList } from './sample.ts';

/* The certificate of an event by itself, with its content and without. */

export interface EventVector extends VectorCase {
  readonly content: Uint8Array | undefined;
}

async function vector(
  name: string,
  verdict: Verdict,
  failed: readonly CheckId[],
  step: Step = {},
  changes: { readonly content?: Uint8Array | null; readonly files?: readonly GivenCase[] } = {},
): Promise<EventVector> {
  const [made] = await makeEvents([step]);
  const { content = made!.content, files = [] } = changes;
  return {
    name,
    certificate: made!.sample!.bytes,
    files,
    content: content ?? undefined,
    trust: trustList(),
    blocks: [ourNode(made!.sample!)],
    expect: { verdict, failed },
  };
}

export const eventVectors = (): Promise<EventVector[]> =>
  Promise.all([
    vector('an event with its content', 'valid', []),
    vector('an event without its content', 'valid', [], {}, { content: null }),
    vector('an event that has no content', 'valid', [], { content: null }),
    vector(
      'an event with the content of another',
      'invalid',
      ['content'],
      {},
      {
        content: utf8(canonicalize(contentOf(9))),
      },
    ),
    vector(
      'an event with a content that it does not have',
      'invalid',
      ['content'],
      { content: null },
      {
        content: utf8(canonicalize(contentOf(9))),
      },
    ),
    vector('an event with a file', 'invalid', ['files'], {}, { files: PHOTO }),
    vector(
      'an event that is not as its format says',
      'incomplete',
      [],
      { raw: { index: 1 } },
      { content: null },
    ),
    vector('an event that is not as its format says, with a content', 'invalid', ['content'], {
      raw: { index: 1 },
    }),
  ]);

import { assembleDeed, type CheckedItem, type DeedFacts } from '../../server/documents/deed/assemble.ts';
import type { AnnexItem, DeedContent } from '../../server/documents/deed/content.ts';

/* The case of a notary, changed at will. */

const digest = (n: number): string => n.toString(16).padStart(4, '0').repeat(16);

export const item = (n: number, more: Partial<AnnexItem> = {}): AnnexItem => ({
  title: `网店商品页面（第 ${n} 次取证）`,
  certificate: `2026-${String(n).padStart(8, '0')}-52`,
  provenAt: '2026-11-22T07:00:00.000Z',
  leaf: digest(n + 0x1000),
  files: [
    { name: `商品页面-${n}.png`, size: 12_345 + n, sha256: digest(n), sm3: digest(n + 0x2000) },
    { name: `page-${n}.html`, size: 987_654, sha256: digest(n + 0x3000), sm3: null },
  ],
  ...more,
});

export const checkedItem = (n: number, more: Partial<CheckedItem> = {}): CheckedItem => ({
  verdict: 'valid',
  verdictText: '有效',
  reason: '',
  grade: 'unverified-upload',
  filesCompared: 2,
  item: item(n),
  ...more,
});

export const facts = (more: Partial<DeedFacts> = {}): DeedFacts => ({
  applicants: [
    { name: '上海示范商贸有限公司', kind: 'organization', identity: '统一社会信用代码 91310000MA1FL0000X' },
  ],
  agent: {
    name: '王某某',
    kind: 'person',
    identity: '居民身份证 310***********1234',
    authority: '授权委托书',
  },
  matter: '保全证据',
  matterItem: '九',
  purpose: '制止他人销售侵犯其注册商标专用权的商品，并向人民法院提起诉讼',
  obtained: '由其员工以普通消费者身份浏览公开网页并保存',
  appliedAt: '2026-11-20T02:00:00.000Z',
  acceptedAt: '2026-11-23T02:00:00.000Z',
  checkedAt: '2026-11-27T06:05:09.000Z',
  extraction: null,
  service: '可证',
  testChain: false,
  items: [1, 2, 3].map((n) => checkedItem(n)),
  ...more,
});

export function contentOf(given: DeedFacts = facts(), more: Partial<DeedContent> = {}): DeedContent {
  return {
    office: { name: '上海市示范公证处', uscc: '12310000425000000X' },
    number: '（2026）沪示证内字第000123号',
    applicants: given.applicants,
    agent: given.agent,
    matter: given.matter,
    ...assembleDeed(given),
    notary: '李某某',
    issuedAt: '2026-11-28T16:30:00.000Z',
    lookUp: {
      url: 'https://kezheng.example/d/2026-hu-123?code=7K3M-9QXA-2FDE-8H4T',
      code: '7K3M-9QXA-2FDE-8H4T',
    },
    testChain: given.testChain,
    annex: given.items.map((one) => one.item),
    ...more,
  };
}

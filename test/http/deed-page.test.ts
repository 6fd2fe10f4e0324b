import t from 'tap';
import { deedPage } from '../../server/http/deed-page.ts';
import { deedView } from '../../server/http/deed-view.ts';
import type { Deed } from '../../server/ports/cases.ts';

/* The public record of a deed, and the page that a camera opens. */

const at = '2026-11-29T16:30:00.000Z';
const deed = (history: readonly object[], more: Partial<Deed> = {}): Deed => ({
  number: '（2026）沪示证内字第000001号',
  office: 'o',
  case: 'c',
  codeHash: '00'.repeat(32),
  state: 'valid',
  issuedMs: Date.parse(at),
  evidence: 'e',
  sha256: 'ab'.repeat(32),
  history: JSON.stringify(history),
  ...more,
});

t.test('times are told in UTC and of the clocks in China', async (t) => {
  const { issued } = deedView(deed([]), '某公证处');
  t.strictSame(issued, { at, china: '2026-11-30 00:30:00.000 +08:00' });
});

t.test('what the record may hold besides is not told', async (t) => {
  const view = deedView(
    deed([{ what: 'issued', at, number: 'n', sha256: 'cd', reason: '张三' }]),
    '某公证处',
  );
  t.notMatch(JSON.stringify(view), '张三');
  t.strictSame(Object.keys(view.history[0]!), ['what', 'whatText', 'at', 'china', 'number', 'sha256']);
});

t.test('of a revoked deed no file is in force', async (t) => {
  const view = deedView(deed([{ what: 'revoked', at }], { state: 'revoked' }), '某公证处');
  t.equal(view.sha256, null);
  const html = deedPage(view);
  t.match(html, '已撤销（自始无效）');
  t.notMatch(html, 'ab'.repeat(32));
});

t.test('what an office wrote is text on the page, and a link only where it is one of the web', async (t) => {
  const announced = (place: string, url?: string) =>
    deedPage(deedView(deed([{ what: 'announced', at, place, ...(url && { url }) }]), '<b>某"公证处</b>'));
  const html = announced('<script>alert(1)</script>', 'https://a.example/?a=1&b="><img>');
  t.notMatch(html, /<script>|<b>|<img>/);
  t.match(html, '&#60;script&#62;');
  t.match(html, '<a rel="noreferrer nofollow" href="https://a.example/?a=1&#38;b=&#34;&#62;&#60;img&#62;">');
  t.notMatch(announced('某报', 'javascript:alert(1)'), '<a ');
  t.notMatch(announced('某报'), '<a ');
});

import type { DeedView } from './deed-view.ts';

/*
 * What a camera opens that reads the code on a deed: one page without script, style of others or any request of its own,
 * so that it works in every browser, and tells the same as the interface does.
 */

export const DEED_PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const STYLE =
  'body{font:16px/1.7 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}' +
  'h1{font-size:1.5rem}dt{color:#555}dd{margin:0 0 .8rem;overflow-wrap:anywhere}li{margin:.4rem 0}';

const escaped = (text: string): string => text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);

const page = (title: string, body: string): string =>
  `<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
  `<meta name="robots" content="noindex"><title>${title}</title><style>${STYLE}</style></head><body>${body}</body></html>`;

const term = (name: string, text: string): string => `<dt>${name}</dt><dd>${text}</dd>`;

export function deedPage(view: DeedView): string {
  const { number, office, stateText, issued, sha256, history, note } = view;
  const terms = [
    term('编号 Number', escaped(number)),
    term('公证机构 Office', escaped(office)),
    term('状态 State', `<strong>${stateText.zh}</strong> ${stateText.en}`),
    term('出具 Issued', when(issued)),
    ...(sha256 === null
      ? []
      : [term('有效文件的 SHA-256 SHA-256 of the file in force', `<code>${sha256}</code>`)]),
  ];
  const events = history.map(
    (one) => `<li>${one.whatText.zh} ${one.whatText.en}：${when(one)}${place(one)}${digest(one)}</li>`,
  );
  return page(
    '公证书查询 Deed look-up',
    `<h1>公证书查询 Deed look-up</h1><dl>${terms.join('')}</dl><ol>${events.join('')}</ol><p>${note.zh}</p><p>${note.en}</p>`,
  );
}

const when = ({ at, china }: { readonly at: string; readonly china: string }): string => `${china}（${at}）`;

type Happened = DeedView['history'][number];

/** What an office wrote is text, and a link only where it is one of the web. */
function place({ place: where, url }: Happened): string {
  const said = where === undefined ? '' : `，${escaped(where)}`;
  if (url === undefined) return said;
  const isWeb = /^https?:\/\//i.test(url);
  return isWeb
    ? `${said}，<a rel="noreferrer nofollow" href="${escaped(url)}">${escaped(url)}</a>`
    : `${said}，${escaped(url)}`;
}

const digest = ({ sha256 }: Happened): string =>
  sha256 === undefined ? '' : `<br><small>SHA-256 <code>${sha256}</code></small>`;

export const noDeedPage = (): string =>
  page(
    '公证书查询 Deed look-up',
    '<h1>没有这份公证书，或者查询码不对</h1><p>There is no such deed, or the code is wrong.</p>',
  );

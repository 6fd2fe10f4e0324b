/** Why a term or condition is there. A rule of the office is one that it set itself and is never shown as law. */
export type Basis = { readonly law: string; readonly articles: readonly number[] } | 'office-rule';

/** As it stands beside the term or condition; empty where it only keeps the case consistent. */
export function basisText(basis: Basis | undefined): string {
  if (basis === undefined) return '';
  if (basis === 'office-rule') return '公证机构自定，非法律规定 / set by the office, not law';
  return basis.articles.map((article) => `《${basis.law}》第 ${article} 条`).join('、');
}

/** Characters that a terminal would obey are written as escapes, which JSON means the same by. */
export const escapedJson = (json: string): string =>
  json.replace(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, escaped);

const escaped = (hidden: string): string =>
  [...Array(hidden.length).keys()]
    .map((i) => `\\u${hidden.charCodeAt(i).toString(16).padStart(4, '0')}`)
    .join('');

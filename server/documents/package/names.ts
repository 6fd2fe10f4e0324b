/*
 * Names inside a package. A depositor calls files what he likes; a package is unpacked on machines of all kinds, by
 * people who look at names and by commands that take them. What a file was really called stands in the manifest.
 */

/** Most file systems take 255 bytes; what is added to a name (a number, `.chain-N.ots`) has room behind this. */
const MAX_NAME_BYTES = 180;

/** Between folders, or with a meaning to Windows or to a shell's patterns. */
const SPECIAL = /[\\/:*?"<>|]/g;
/** Controls, formats (which turn the direction of writing), what is not seen, and spaces that are none. */
const HIDDEN = /(?! )[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/gu;
/** Names of devices on Windows, whatever ends them. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i;
/** A dot in front hides a file, a hyphen makes it an option; Windows drops dots and spaces at the end. */
const EDGES = /^[.\-~ ]+|[. ]+$/g;

export function safeName(name: string): string {
  const visible = name
    .replace(HIDDEN, '_')
    .replace(SPECIAL, '_')
    .replace(EDGES, (edge) => '_'.repeat(edge.length));
  const named = visible === '' ? '_' : visible;
  return shortened(DEVICE.test(named) ? `_${named}` : named);
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** The end, by which programs know what it is, is kept where it is short. */
function shortened(name: string): string {
  if (bytesOf(name) <= MAX_NAME_BYTES) return name;
  const [end] = /\.[A-Za-z0-9]{1,10}$/.exec(name) ?? [''];
  let kept = [...name.slice(0, name.length - end.length)];
  while (bytesOf(kept.join('')) + end.length > MAX_NAME_BYTES) kept = kept.slice(0, -1);
  return `${kept.join('')}${end}`;
}

/** Two names that some file system takes for one: large and small letters, and the ways to write an accent. */
const sameAs = (name: string): string => name.normalize('NFC').toLowerCase().normalize('NFC');

/** Safe names in the order given, each another: `a.jpg`, `a (2).jpg`. */
export function safeNames(names: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    const safe = safeName(name);
    const dot = safe.lastIndexOf('.');
    const [front, end] = dot > 0 ? [safe.slice(0, dot), safe.slice(dot)] : [safe, ''];
    let numbered = safe;
    for (let n = 2; taken.has(sameAs(numbered)); n++) numbered = `${front} (${n})${end}`;
    taken.add(sameAs(numbered));
    return numbered;
  });
}

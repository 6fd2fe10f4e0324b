const SVG = 'http://www.w3.org/2000/svg';

/** A shape for each, so that nothing depends on colours: tick, cross, open ring with a dot, dash. */
const SHAPES: Readonly<Record<string, string>> = {
  passed: 'M5 12.5l4.5 4.5L19 7.5',
  failed: 'M6 6l12 12M18 6L6 18',
  unknown: 'M8.5 9a3.5 3.5 0 1 1 5.2 3.1c-1.2.7-1.7 1.2-1.7 2.4M12 18.2v.3',
  skipped: 'M6 12h12',
  valid: 'M5 12.5l4.5 4.5L19 7.5',
  invalid: 'M6 6l12 12M18 6L6 18',
  incomplete: 'M8.5 9a3.5 3.5 0 1 1 5.2 3.1c-1.2.7-1.7 1.2-1.7 2.4M12 18.2v.3',
};

/** The words stand beside it: a voice leaves the shape out. */
export function mark(status: string): SVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  for (const [name, value] of [
    ['viewBox', '0 0 24 24'],
    ['class', `mark ${status}`],
    ['aria-hidden', 'true'],
  ])
    svg.setAttribute(name!, value!);
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', SHAPES[status] ?? SHAPES['unknown']!);
  svg.append(path);
  return svg;
}

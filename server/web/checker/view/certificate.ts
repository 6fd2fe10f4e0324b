import { fill, h } from '../../shared/dom.ts';
import { code, foreign, page, spans } from '../../shared/words.ts';
import type { Desk } from '../desk.ts';
import { looksLikeCertificate } from '../input.ts';
import { pairs, step, wrong } from './step.ts';
import { zone } from './zone.ts';

/** Step 1. Whoever drops certificate and originals together gets them sorted. */
export function certificateStep(desk: Desk): HTMLElement {
  const given = h('div', { class: 'given' });
  const drop = zone({
    id: 'certificate-file',
    words: page('certificate-drop'),
    hint: page('certificate-hint'),
    accept: '.json,.pdf,.zip,application/json,application/pdf,application/zip',
    onFiles: (files) => void sortOut(desk, files),
  });
  desk.onChange((change) => {
    if (change !== 'certificate') return;
    const { certificate, certificateWrong } = desk.state;
    fill(
      given,
      certificateWrong && wrong(spans(certificateWrong)),
      certificate && h('p', { class: 'name' }, foreign(certificate.name)),
      certificate && pairs([page('certificate-digest'), code(certificate.sha256)]),
    );
    drop.element.classList.toggle('small', certificate !== undefined);
    fill(
      drop.element.querySelector('.zone-words')!,
      page(certificate === undefined ? 'certificate-drop' : 'certificate-other'),
    );
  });
  return step(1, 'certificate', 'certificate-title', given, drop.element);
}

/** Of several files the one that begins as a certificate is it, or else the first; the rest are originals. */
export async function sortOut(desk: Desk, files: readonly File[]): Promise<void> {
  if (files.length === 0) return;
  const looks = await Promise.all(files.map(looksLikeCertificate));
  const certificate = files[Math.max(0, looks.indexOf(true))]!;
  await desk.addFiles(files.filter((file) => file !== certificate));
  await desk.giveCertificate(certificate);
}

import { isIP } from 'node:net';
import { type Destination, DoorProblem } from '../../ports/door.ts';
import { checkPublic, placeOf } from '../place.ts';

/**
 * Whether messages can go there at all: https, or http where the operator lists host and port; no fragment, which no
 * request carries. Throws a DoorProblem. Where the name leads is looked at in each attempt: it may lead elsewhere then.
 */
export function checkReceiver(url: string, allow: readonly Destination[]): void {
  const place = placeOf(url, allow);
  if (!place.secure && !place.listed) throw new DoorProblem('door-not-secure');
  if (url.includes('#')) throw new DoorProblem('door-fragment-refused');
  if (isIP(place.host) !== 0) checkPublic(place, place.host);
}

import { startBareRoute } from './bare.ts';
import { CALL, callOf, sendCall } from './records.ts';
import { pairs, perSecond, type Row, secondsOf } from './row.ts';
import { startBenchedService } from './service.ts';

/*
 * Bulk calls of 10,000 records each, durable, one token a call, two calls under way; beside it a bare Fastify route that
 * validates each line of the same body against the same schema and answers each, and stores nothing.
 */

const PAIRS = 4;
const CALLS = 16;
const UNDER_WAY = 2;

/** Records a second. */
const LEAST_PER_SECOND = 60_000;

async function rate(send: (body: Buffer) => Promise<unknown>, bodies: readonly Buffer[]): Promise<number> {
  let next = 0;
  const client = async (): Promise<void> => {
    for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) await send(body);
  };
  const took = await secondsOf(() => Promise.all(Array.from({ length: UNDER_WAY }, client)));
  return (bodies.length * CALL) / took;
}

export async function run(): Promise<Row[]> {
  const bare = await startBareRoute();
  const service = await startBenchedService();
  try {
    const bodies = () => Array.from({ length: CALLS }, () => callOf(CALL).body);
    const found = await pairs(
      PAIRS,
      () => rate((body) => sendCall(service, body), bodies()),
      () => rate((body) => sendCall({ ...service, url: bare.url }, body), bodies()),
    );
    return [
      {
        what: `bulk calls of ${CALL.toLocaleString('en')} records, durable, one token (P-256) a call`,
        ours: perSecond(found.ours),
        other: perSecond(found.other),
        otherName: `Fastify ${bare.version}, a bare route that validates each line and answers each`,
        ratio: found.ratio,
        goal: { reached: found.ours, least: LEAST_PER_SECOND },
      },
    ];
  } finally {
    bare.stop();
    await service.stop();
  }
}

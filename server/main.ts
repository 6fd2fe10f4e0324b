import { DataKeyError } from './adapters/data-keys.ts';
import { KeyFileError } from './adapters/key-files.ts';
import { ConfigError, readConfig } from './config.ts';
import { BlobUnavailable } from './ports/blobs.ts';
import { StoreUnavailable } from './ports/store.ts';
import { type Service, startService } from './service.ts';

const FORESEEN = [ConfigError, KeyFileError, DataKeyError, StoreUnavailable, BlobUnavailable];

/** Start and stop of the process; what runs in between is service.ts. */
async function main(): Promise<void> {
  const service = await startService(readConfig(process.env));
  stopOnSignals(service);
  process.stdout.write(`kezheng ready ${service.url}\n`);
}

/** A second signal while stopping changes nothing: npm and a terminal send the same one twice. */
function stopOnSignals(service: Service): void {
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      service.stop().then(() => process.exit(0), fail);
    });
}

/** What an operator can set right is a sentence for each setting; anything else is a bug and shows where. */
function fail(error: unknown): void {
  const foreseen = FORESEEN.some((kind) => error instanceof kind);
  const { message, stack } = error as Error;
  for (const line of foreseen ? message.split('\n') : [stack]) process.stderr.write(`kezheng: ${line}\n`);
  process.exit(1);
}

main().catch(fail);

import { type KeyObject, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import program from '../package.json' with { type: 'json' };
import { dataKeysIn, ensureDataKeys } from './adapters/data-keys.ts';
import { ensureDocumentSigner, openDocumentSigner } from './adapters/document-signer.ts';
import { ensureIssuer, openIssuer } from './adapters/issuer.ts';
import { openOidc } from './adapters/oidc.ts';
import { openArchive, openPackage } from './adapters/packages.ts';
import { openPages } from './adapters/pages.ts';
import { signWithPkcs12 } from './adapters/pkcs12.ts';
import { openRestoredMark } from './adapters/restored.ts';
import { createRevocationSource } from './adapters/revocation/source.ts';
import { nodeSignatures, pooledSignatures } from './adapters/signatures-node.ts';
import { openSpool, removeLeftNames } from './adapters/spool.ts';
import { oneAtATime } from './adapters/sqlite/start-lock.ts';
import { ensureTokenIdentity, openTokenIdentity } from './adapters/stamping/identity.ts';
import { type Life, lifeOf } from './adapters/stamping/life.ts';
import { beginTimes } from './adapters/stamping/reserved-clock.ts';
import { accuracyOf, createPromiseTokens, createSerials, signerId } from './adapters/stamping/tokens.ts';
import { openBlobs, openDatabase } from './adapters/storage.ts';
import { openTelemetry } from './adapters/telemetry/telemetry.ts';
import { createTspTransport } from './adapters/tsp/client.ts';
import { webAuthnOf } from './adapters/webauthn.ts';
import { openDigests } from './adapters/workers/digests.ts';
import { createThread } from './adapters/workers/thread.ts';
import { openTreeBuilder } from './adapters/workers/trees.ts';
import { createApp } from './app.ts';
import { createAuthority } from './authority/tsa.ts';
import { createDeeds } from './casework/notarization/deed/deeds.ts';
import { stampBy } from './casework/notarization/deed/stamp.ts';
import { connectChain } from './chain.ts';
import { watchClock } from './clock.ts';
import { type Config, ConfigError } from './config.ts';
import { equalBytes } from './core/read/bytes.ts';
import { FormatError } from './core/reason.ts';
import { parseTrust, type Trust } from './core/verify/trust.ts';
import { endDemonstration, ensureDemonstration } from './demonstration.ts';
import { type DeedJob, PAPER_PROGRAM, type PaperJob } from './documents/pdf/program.ts';
import { CALLBACK } from './http/elsewhere.ts';
import { sessionCookieOf } from './http/session-cookie.ts';
import { createAccounts } from './identity/accounts.ts';
import { createAddresses } from './identity/addresses.ts';
import { keyChecker } from './identity/api-keys.ts';
import { demandsOf } from './identity/demands.ts';
import { createDevices } from './identity/devices.ts';
import { createKeyUses } from './identity/key-uses.ts';
import { keyUse } from './identity/rotation.ts';
import { sealingWith } from './identity/sealed.ts';
import { createSecondFactors } from './identity/second-factors.ts';
import { signedCalls } from './identity/signed-calls.ts';
import { sentence } from './messages/sentence.ts';
import { claimData, prepareDataDir } from './mode.ts';
import { openDoor } from './outbox/door.ts';
import { ATTEMPT_MS } from './outbox/webhooks/attempt.ts';
import { watchParts } from './parts.ts';
import type { CertificateDeps } from './pipeline/certificate.ts';
import { blockLookUp, blockOf } from './pipeline/compare.ts';
import { createExpectation } from './pipeline/expectation.ts';
import type { PaperDeps } from './pipeline/paper.ts';
import { startPipeline } from './pipeline/pipeline.ts';
import { selfTest } from './pipeline/self-test.ts';
import { createChainOf } from './pipeline/stamps.ts';
import { statedBy } from './pipeline/stated.ts';
import type { TaskHealth } from './pipeline/worker.ts';
import type { Clock } from './ports/clock.ts';
import { DepositQueue } from './ports/overload.ts';
import { createTimeGate } from './ports/time-gate.ts';
import { openProcedures } from './procedures.ts';

/*
 * Reading `startService` from top to bottom is seeing the system: what it stands on, what runs by itself, and what
 * answers; stopping goes the other way round.
 */

/** Cases looked at in one round. */
const DUE_CASES = 50;

const clock: Clock = { nowMs: () => Date.now() };

export interface Service {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

export async function startService(config: Config): Promise<Service> {
  const log = pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
  await prepareDataDir(config);
  // Of two that start at once on a new folder each would make keys, and one would get the other's certificates.
  const [issuer, tokenIdentity, documentSigner, dataKeys] = await oneAtATime(
    join(config.dataDir, 'start.lock'),
    () => identitiesOf(config),
  );
  const ownTrust = await readTrustFile(config);

  const { otlpEndpoint, tracePercent } = config;
  const rpcUrl = config.chain?.rpcUrls[0];
  const telemetry = await openTelemetry({
    version: program.version,
    otlpEndpoint,
    tracePercent,
    rpcUrl,
    clock,
  });
  const gate = createTimeGate();
  const watchedClock = watchClock(config, log, telemetry.countTimeServers(config.ntpServers.length), gate);
  telemetry.watchClock(watchedClock.state);
  const queue = new DepositQueue();
  const { key: tokenKey, chain: tokenChain } = tokenIdentity;
  const stamper = {
    key: tokenKey,
    certificate: tokenChain[0]!,
    accuracyMs: accuracyOf(config.maxDriftMs),
  };
  const tokenLife = lifeOf(tokenChain);
  gate.limit(tokenLife.fromMs, tokenLife.toMs);
  tellLife(tokenLife, log);
  const database = await openDatabase(config, clock, queue, {
    ...stamper,
    gate: gate.memory,
  });
  const { leadership } = database;
  const store = telemetry.watchStore(database.store, queue);
  await claimData(config, database);
  // Evidence is taken all the same: who is asked for a code that cannot be checked is told so.
  const sealing = sealingWith(dataKeys);
  for (const key of (await keyUse(store, dataKeys)).missing)
    log.error(
      { key },
      'secrets are sealed under a key that is not in KEZHENG_DATA_KEY_FILE: until it is there again, nobody can use them',
    );
  const storedFiles = await openBlobs(config, log);
  // Packages that are handed in come here, wherever the originals are.
  const spoolDir = join(config.dataDir, 'spool');
  await removeLeftNames(spoolDir);
  const blobs = telemetry.watchBlobs(storedFiles);
  const digests = openDigests();
  const trees = openTreeBuilder();
  const paper = createThread<PaperJob | DeedJob>(PAPER_PROGRAM, undefined);
  await selfTest(digests, trees);
  await store.keepSigner(signerId(tokenChain[0]!), tokenChain);
  const tokenClock = database.clockOf(gate);
  await beginTimes(gate, store, clock.nowMs);
  const earlierTrust = await readOwnTrust(config);
  // Earlier keys are the operator's too: those that the list named, which no row of the database can add to.
  const earlier =
    earlierTrust?.issuers.flatMap(({ certificates }) => certificates.map(({ raw }) => raw)) ?? [];
  const own = [issuer.x5c, documentSigner.certificates, tokenChain]
    .map((chain) => chain.at(-1)!)
    .concat(earlier);
  for (const { id, chain } of await store.signers())
    if (!own.some((one) => equalBytes(one, chain.at(-1)!)))
      log.warn(
        { signer: id },
        'stamps name a key that no list of this service has: if it was its own, list its root by KEZHENG_TRUST_FILE',
      );
  const connection = await connectChain({ config, store, own, log });
  const door = openDoor({ allow: config.egressAllow });
  const receivers = openDoor({ allow: config.egressAllow, limits: { totalMs: ATTEMPT_MS } });
  const authorities = config.tsaAuthorities;

  const chainOf = createChainOf(store);
  const certificates: CertificateDeps = {
    chainOf,
    store,
    blobs,
    clock,
    issuer,
    signatures: nodeSignatures,
    stated: statedBy({
      name: config.serviceName,
      uscc: config.operatorUscc,
      filings: config.filings,
      describe: connection.describe,
      url: config.publicUrl,
    }),
  };
  const procedures = openProcedures({
    store,
    clock,
    issuer,
    service: config.serviceName,
    evidence: {
      store,
      certificates,
      digests,
      trust: () => ownTrust?.trust ?? connection.trust(),
      chain: connection.current,
    },
  });
  const expectation = createExpectation(config.batchMaxAgeMs, firstGuessMs(config));
  const pipeline = startPipeline({
    seal: {
      store,
      blobs,
      trees,
      clock,
      limits: { maxAgeMs: config.batchMaxAgeMs, maxEntries: config.batchMaxEntries },
    },
    leadership,
    restored: openRestoredMark(config.dataDir),
    chain: async () => telemetry.watchChain(await connection.open()),
    anchor: {
      store,
      clock,
      resendAfterMs: config.resendAfterMs,
      genesisMayChange: config.chain === undefined,
    },
    fixity: { store, blobs, digests, clock, maxAgeMs: config.fixityEveryMs },
    stampLate: { store, clock: tokenClock, sign: createPromiseTokens(stamper).soon },
    authorities: {
      authorities,
      own,
      store,
      tsp: createTspTransport(door),
      revocation: createRevocationSource(door),
      signatures: nodeSignatures,
      clock,
      clockWord: watchedClock.wordAt,
      operator: config.serviceName,
      onOutcome: telemetry.watchAuthorities(
        store,
        authorities.map(({ url }) => url),
      ),
    },
    procedures: async () => (await procedures.cases.tick(DUE_CASES)) === DUE_CASES,
    webhooks: {
      store,
      door: receivers,
      sealing,
      clock,
      random: Math.random,
      publicUrl: config.publicUrl,
    },
    expectation,
    log,
    around: telemetry.round,
    everyMs: {
      seal: Math.min(250, config.batchMaxAgeMs),
      anchor: config.chain === undefined ? 250 : 1_000,
      fixity: Math.min(1_000, config.fixityEveryMs),
      stampLate: 1_000,
    },
  });

  // Looking is no deposit, and is not counted as one.
  const promised = watchParts({ store: database.store, blobs: storedFiles }, clock, log);
  const parts = async () => ({
    ...(await promised.probe()),
    clock: watchedClock.problem(),
    signer: lifeProblem(tokenLife),
    ...pipeline.health(),
  });
  tellOpenCookie(config, log);
  const pages = await pagesOf(log);
  const stopping = stopList();
  const paperDeps: PaperDeps = {
    store,
    clock,
    issuer,
    signer: documentSigner,
    signatures: nodeSignatures,
    trust: () => connection.trust() ?? earlierTrust,
    publicUrl: config.publicUrl,
    readings: procedures.accesses.readings,
    checker: pages?.get('verify.html')?.sha256,
    render: (job) => paper.ask(job),
  };
  const keyUses = createKeyUses(store);
  const checkKey = keyChecker(store, clock, keyUses.used);
  const limits = { absoluteMs: config.sessionHours * 3_600_000, idleMs: config.sessionIdleMinutes * 60_000 };
  const accounts = createAccounts(store, clock, limits, {
    devices: createDevices(dataKeys, clock),
    addresses: createAddresses(database.limits, clock),
  });
  const authority = createAuthority({
    chain: tokenChain,
    accuracyMs: stamper.accuracyMs,
    clock: tokenClock,
    nextSerial: createSerials(),
    sign: signingSoon(tokenKey),
  });
  // Known when it listens: with port 0 the system chooses.
  let url = config.publicUrl;
  const app = await createApp({
    people: {
      accounts,
      factors: createSecondFactors({ ...accounts, sealing }),
      passkeys: { people: store, webAuthn: webAuthnOf(() => url, config.serviceName), clock },
      demands: demandsOf(store, config.chain === undefined),
      service: config.serviceName,
      provider:
        config.oidc && openOidc({ ...config.oidc, redirectUri: () => url + CALLBACK }, door, clock.nowMs),
      checkKey,
      publicUrl: () => url,
      selfRegistration: config.selfRegistration,
    },
    store,
    blobs,
    digests,
    clock,
    clockWord: watchedClock.wordAt,
    expectation,
    log,
    publicUrl: config.publicUrl,
    rateLimits: database.limits,
    service: config.serviceName,
    signatures: pooledSignatures,
    checkKey,
    signedCalls: signedCalls(store, clock, database.usedOnce, keyUses.used),
    limits: { uploadBytes: config.maxUploadBytes, files: config.maxFiles },
    authority,
    chainOf,
    certificates,
    cases: procedures.cases,
    identityNumbers: { people: store, sealing, clock },
    accesses: procedures.accesses,
    checkEvidence: procedures.checkEvidence,
    deeds: createDeeds({
      ...procedures.lookUps,
      store,
      cases: procedures.cases,
      clock,
      certificates,
      service: config.serviceName,
      publicUrl: () => url,
      render: (job) => paper.ask(job),
      verifier: nodeSignatures,
      stamp: stampBy(authority),
      unlock: signWithPkcs12,
      deposits: {
        blobs,
        digests,
        clock,
        clockWord: watchedClock.wordAt,
        signatures: pooledSignatures,
        service: config.serviceName,
      },
    }),
    paper: paperDeps,
    package: {
      store,
      blobs,
      paper: paperDeps,
      trustText: () => ownTrust?.text ?? connection.trustText(),
    },
    verify: {
      digests,
      openPackage,
      openArchive,
      openSpool: () => openSpool(spoolDir),
      signatures: pooledSignatures,
      trust: () => ownTrust?.trust ?? connection.trust(),
      blockLookUp: () => blockLookUp(connection.current(), ownTrust?.trust ?? connection.trust()),
      limits: { uploadBytes: config.maxUploadBytes, perMinute: config.verifyPerMinute },
    },
    sealing,
    egressAllow: config.egressAllow,
    lookups: {
      trustText: () => ownTrust?.text ?? connection.trustText(),
      block: (chainId, number) => blockOf(connection.current(), chainId, number),
      perMinute: config.verifyPerMinute,
    },
    pages,
    isLeading: pipeline.isLeading,
    parts,
    onProgress: pipeline.onProgress,
    onStopping: stopping.add,
    trustedProxies: config.trustedProxies,
    queue,
    overload: { connections: config.maxConnections, uploads: config.maxUploads },
    onOverloadState: (state) =>
      telemetry.addReader((gauges) => {
        const { connections, uploads, heldBytes } = state();
        gauges.set('kezheng_http_connections', connections);
        gauges.set('kezheng_uploads_open', uploads);
        gauges.set('kezheng_bodies_held_bytes', heldBytes);
      }),
    metrics: telemetry.metrics,
    metricsToken: config.metricsToken,
    tracing: telemetry.tracing,
  });
  telemetry.addReader(async (gauges) => {
    gauges.set('kezheng_leading', pipeline.isLeading() ? 1 : 0);
    for (const [part, problem] of Object.entries(await parts()))
      gauges.set('kezheng_part_problem', problem === undefined ? 0 : 1, { part });
  });
  // Before anybody can call: the open keys of a demonstration are good for nothing else.
  if (config.chain !== undefined) await endDemonstration(store, clock, config.dataDir);
  // The first deposit shall not be called doubtful only because the servers had no time to answer.
  await watchedClock.first;
  await listen(app, config);
  url = publicUrlOf(config, app.server.address());
  if (config.chain === undefined) await ensureDemonstration(store, clock, config.dataDir, url);

  return {
    url,
    async stop() {
      stopping.run();
      await app.close();
      door.close();
      receivers.close();
      await pipeline.stop();
      await watchedClock.stop();
      await keyUses.close();
      await Promise.all([digests.close(), trees.close(), paper.close()]);
      await connection.close();
      await database.close();
      await blobs.close();
      await telemetry.close();
    },
  };
}

/** Configured, or made at the first start: in no mode does anything run on a key that came with the program. */
function identitiesOf({ issuerFiles, tsaFiles, pdfFiles, dataKeyFile, dataDir, serviceName }: Config) {
  const made = [dataDir, serviceName, clock.nowMs()] as const;
  return Promise.all([
    issuerFiles ? openIssuer(issuerFiles) : ensureIssuer(...made),
    tsaFiles ? openTokenIdentity(tsaFiles) : ensureTokenIdentity(...made),
    pdfFiles ? openDocumentSigner(pdfFiles) : ensureDocumentSigner(...made),
    dataKeyFile ? dataKeysIn(dataKeyFile) : ensureDataKeys(dataDir),
  ]);
}

/** Time enough to have another one issued. */
const SOON_MS = 60 * 86_400_000;

function tellLife({ toMs }: Life, log: pino.Logger): void {
  if (toMs - clock.nowMs() < SOON_MS)
    log.warn(
      { until: new Date(toMs).toISOString() },
      'the certificate that signs time-stamp tokens ends soon',
    );
}

function lifeProblem({ fromMs, toMs }: Life): TaskHealth['problem'] {
  const nowMs = clock.nowMs();
  if (nowMs >= fromMs && nowMs <= toMs) return undefined;
  return {
    code: 'signer-expired',
    detail: { from: new Date(fromMs).toISOString(), until: new Date(toMs).toISOString() },
    sinceMs: nowMs < fromMs ? nowMs : toMs,
  };
}

/** In the thread pool: the event loop has other work. */
const signingSoon =
  (key: KeyObject) =>
  (bytes: Uint8Array): Promise<Uint8Array> =>
    new Promise((resolve, reject) =>
      sign('sha256', bytes, key, (error, signature) => (error ? reject(error) : resolve(signature))),
    );

/** What an earlier start knew of its chain, until this one has seen it. */
const readOwnTrust = ({ dataDir }: Config): Promise<Trust | undefined> =>
  readFile(join(dataDir, 'trust.json'))
    .then(parseTrust)
    // Not there yet, or damaged: it is written anew as soon as the chain is seen.
    .catch(() => undefined);

/** Without TLS whoever is on the way reads the cookie, and is signed in with it. */
function tellOpenCookie({ publicUrl }: Config, log: pino.Logger): void {
  if (!sessionCookieOf(publicUrl).secure)
    log.warn(
      { publicUrl },
      'people sign in over plain http here: put TLS before the service (KEZHENG_PUBLIC_URL)',
    );
}

/** A service without its pages takes deposits all the same; its operator is told. */
async function pagesOf(log: pino.Logger) {
  const pages = await openPages();
  if (pages === undefined) log.warn('the pages were not built (npm run build): /verify is not served');
  return pages;
}

async function readTrustFile({ trustFile }: Config): Promise<{ trust: Trust; text: string } | undefined> {
  if (trustFile === undefined) return undefined;
  try {
    const bytes = await readFile(trustFile);
    return { trust: parseTrust(bytes), text: bytes.toString('utf8') };
  } catch (error) {
    const why =
      error instanceof FormatError
        ? [
            sentence('zh', 'reason', error.code, error.detail),
            sentence('en', 'reason', error.code, error.detail),
          ]
        : ['无法读取', (error as Error).message];
    throw new ConfigError('TRUST_FILE', why[0]!, why[1]!);
  }
}

/** Until one has been seen: a local chain takes seconds, finality of a public one a quarter of an hour. */
function firstGuessMs(config: Config): number {
  if (config.chain === undefined) return 3_000;
  return config.confirmations === 'finalized' ? 900_000 : config.confirmations * 12_000;
}

function stopList() {
  const listeners = new Set<() => void>();
  return {
    add(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    run() {
      for (const listener of listeners) listener();
    },
  };
}

async function listen(app: Awaited<ReturnType<typeof createApp>>, config: Config): Promise<void> {
  try {
    await app.listen({ host: config.host, port: config.port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      throw new ConfigError('PORT', `${config.port} 已被占用`, `${config.port} is in use`);
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
      throw new ConfigError('HOST', `无法监听 ${config.host}`, `cannot listen on ${config.host}`);
    throw error;
  }
}

/** With port 0 the system chose one. */
function publicUrlOf(config: Config, address: ReturnType<import('node:net').Server['address']>): string {
  if (config.port !== 0 || address === null || typeof address === 'string') return config.publicUrl;
  return `http://localhost:${address.port}`;
}

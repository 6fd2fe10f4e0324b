import type { EthereumHeaderAnchor, LogIdentity } from '../../server/ports/chain.ts';
import type { Anchor, AnchorEvent, AnchorStore } from '../../server/ports/store.ts';
import type { Commit, Database, Sync } from './store.ts';

/* Anchors, their attempts and what became of them, in the simulated database. */

const sameLog = (a: LogIdentity, b: LogIdentity): boolean =>
  a.chainId === b.chainId &&
  a.genesisHash === b.genesisHash &&
  a.contract === b.contract &&
  a.operator === b.operator;

const NOWHERE = {
  ...{ transactionHash: undefined, blockNumber: undefined, blockHash: undefined, blockTime: undefined },
  ...{ finalMs: undefined, proof: undefined },
};

export function anchorVerbs(database: Database, tell: (commit: Commit) => void): Sync<AnchorStore> {
  function anchorOf(id: number): Anchor {
    const found = database.tables.anchors[id - 1];
    if (found === undefined) throw new Error(`no anchor ${id}`);
    return found;
  }
  function change(id: number, changes: Partial<Anchor>): Anchor {
    const changed = { ...anchorOf(id), ...changes };
    database.tables.anchors[id - 1] = changed;
    return changed;
  }
  const note = (anchorId: number, atMs: number, event: AnchorEvent['event'], detail: AnchorEvent['detail']) =>
    void database.tables.events.push({ anchorId, atMs, event, detail });
  const ofLog = (log: LogIdentity): Anchor[] =>
    database.tables.anchors
      .filter((anchor) => sameLog(anchor.log, log))
      .toSorted((a, b) => a.index - b.index);

  return {
    logs: () => [...database.tables.logs],
    openAnchors: (log) => ofLog(log).filter(({ state }) => state !== 'final'),
    anchorsOfLog: (log, from, limit) =>
      ofLog(log)
        .filter(({ index }) => index >= from)
        .slice(0, limit),
    planAnchor(log, nowMs) {
      const { tables } = database;
      if (!tables.logs.some((one) => sameLog(one, log))) tables.logs.push(log);
      const last = ofLog(log).at(-1);
      const batch = tables.batches[last?.batch ?? 0];
      if (batch === undefined) return undefined;
      const index = last === undefined ? 0 : last.index + 1;
      const anchor: Anchor = {
        ...{ id: tables.anchors.length + 1, batch: batch.number, log, index, root: batch.root },
        ...{ size: batch.size, state: 'planned', confirmations: 0, required: 0 },
        ...NOWHERE,
      };
      tables.anchors.push(anchor);
      note(anchor.id, nowMs, 'planned', { index });
      tell({ what: 'plan', anchor });
      return anchor;
    },
    attempts: (anchorId) => database.tables.attempts.filter((attempt) => attempt.anchorId === anchorId),
    recordAttempt(anchorId, attempt, signedMs) {
      const { attempts } = database.tables;
      const isKnown = attempts.some(({ transactionHash }) => transactionHash === attempt.transactionHash);
      if (isKnown) return;
      const isFirst = attempts.every((one) => one.anchorId !== anchorId);
      attempts.push({ ...attempt, signedMs, anchorId });
      const { raw: _, ...detail } = attempt;
      note(anchorId, signedMs, isFirst ? 'sent' : 'replaced', detail);
      tell({ what: 'attempt', anchor: anchorOf(anchorId) });
    },
    recordMined(anchorId, at, nowMs) {
      const anchor = anchorOf(anchorId);
      if (anchor.state === 'final') return;
      const isKnown = anchor.state === 'mined' && anchor.blockHash === at.blockHash;
      const { transactionHash, blockNumber, blockHash, blockTime } = at;
      const changed = change(anchorId, {
        ...{ state: 'mined', transactionHash, blockNumber, blockHash, blockTime },
        ...(!isKnown && { confirmations: 0 }),
      });
      if (isKnown) return;
      note(anchorId, nowMs, 'mined', { ...at });
      tell({ what: 'mined', anchor: changed });
    },
    recordConfirmations: (anchorId, confirmations, required) =>
      void change(anchorId, { confirmations, required }),
    recordReorganised(anchorId, detail, nowMs) {
      const anchor = anchorOf(anchorId);
      if (anchor.blockHash !== detail.blockHash) return;
      change(anchorId, { ...NOWHERE, state: 'planned', confirmations: 0 });
      note(anchorId, nowMs, 'reorganised', detail);
      tell({ what: 'reorganised', anchor });
    },
    recordFinal(anchorId, at, proof: EthereumHeaderAnchor, nowMs) {
      const { state, blockHash } = anchorOf(anchorId);
      if (state !== 'mined' || blockHash !== at) return;
      const anchor = change(anchorId, { state: 'final', finalMs: nowMs, proof });
      note(anchorId, nowMs, 'final', { blockNumber: anchor.blockNumber! });
      tell({ what: 'final', anchor });
    },
    recordEvent: (anchorId, { atMs, event, detail }) => note(anchorId, atMs, event, detail),
    anchorsOfBatch: (batch) => database.tables.anchors.filter((anchor) => anchor.batch === batch),
    historyOfBatch: (batch) =>
      database.tables.events.filter(({ anchorId }) => anchorOf(anchorId).batch === batch),
  };
}

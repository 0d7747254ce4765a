// What the appliance is and does, section by section. Each function shows one answer of the API.

import { byId, el, keyed, meter, note, put, row, showState } from './dom.js';
import * as format from './format.js';

const MAX_EVENTS = 200;
const STATES = ['UP', 'SUSPECT', 'EJECTED', 'TRIAL', 'DOWN', 'DRAINING', 'RUNNING', 'STARTING'];

const rates = new format.Rates();

export function showStatus(status) {
  showState(byId('phase'), status.phase);
  put(byId('about'), `${status.version} · up ${format.duration(status.uptimeSeconds)} · ${status.transport}`);
  const phases = {
    DRAINING: 'Draining: the appliance is stopping. Live flows may end, new ones are refused.',
    STARTING: 'Starting: not every front is bound yet.',
  };
  note(byId('notice-phase'), phases[status.phase]);
  tile('flows', format.count(status.flows), `${status.workers} ${status.workers === 1 ? 'worker' : 'workers'} active`);
  const used = 1 - status.fdsFree / status.fdsMax;
  tile('fds', format.count(status.fdsFree), `of ${format.count(status.fdsMax)}`, used > 0.9);
}

/** Three lines: what, how much, and what else is to be said of it. */
function tile(name, value, rest, scarce = false) {
  const [dt, ...dds] = byId(`tile-${name}`).children;
  put(dds[0], value);
  put(dds[1], rest);
  dt.parentElement.classList.toggle('scarce', scarce);
}

/** Rates between two of the lines that come each second, or of the polls that stand in for them. */
export function showRates({ requests, replies, drops, kernelDrops, requestBytes, replyBytes }) {
  tile('requests', perSecond(requests), format.bits(requestBytes));
  tile('replies', perSecond(replies), format.bits(replyBytes));
  tile('drops', perSecond(drops), `kernel: ${perSecond(kernelDrops)}`, drops > 0 || kernelDrops > 0);
}

const perSecond = n => (n === null ? format.NONE : `${format.rate(n)}/s`);

export function showPorts(pools) {
  const left = pools.flatMap(pool => Object.entries(pool.portsFree).map(([from, free]) => ({ pool, from, free })));
  if (left.length === 0) return tile('ports', format.NONE, 'no pools');
  const least = left.reduce((a, b) => (b.free < a.free ? b : a));
  tile('ports', format.count(least.free), `fewest: ${least.pool.name}${least.from === 'any' ? '' : ` from ${least.from}`}`, least.free < 1_000);
}

const frontRows = keyed(byId('fronts'), front => front.name, () => {
  const { node, cells } = row(['Front', 'name'], ['Listens on', 'mono'], ['Pool'], ['Flows', 'n'], ['Opened/s', 'n'],
      ['Requests/s', 'n'], ['Replies/s', 'n'], ['Drops/s', 'n'], ['Kernel drops', 'n']);
  const flows = meter('Of the flows it may have');
  cells[3].append(flows.node);
  return {
    node,
    update(front) {
      put(cells[0], front.name);
      put(cells[1], front.listen.join(' '));
      put(cells[2], front.pool);
      flows.show(front.assuredFlows / front.maxFlows, format.count(front.flows));
      cells[3].title = `${front.assuredFlows} assured of ${front.maxFlows} it may have, ${front.unassuredFlows} not yet`;
      put(cells[4], format.rate(front.openedRate));
      put(cells[5], format.rate(front.requestRate));
      put(cells[6], format.rate(front.replyRate));
      put(cells[7], format.rate(front.dropRate));
      cells[7].classList.toggle('bad', front.dropRate > 0);
      put(cells[8], format.count(front.kernelDrops));
    },
  };
});

/** Of a front that came between two answers. */
const NOTHING = { received: 0, dropped: {} };

export function showFronts(fronts, ledgers, atMillis) {
  const ledgerOf = new Map(ledgers.map(ledger => [ledger.front, ledger]));
  const rate = (what, name, n) => rates.of(`${what} ${name}`, n, atMillis);
  frontRows(fronts.map(front => {
    const { request, reply } = ledgerOf.get(front.name) ?? { request: NOTHING, reply: NOTHING };
    return {
      ...front,
      openedRate: rate('opened', front.name, front.flowsOpened),
      requestRate: rate('requests', front.name, request.received),
      replyRate: rate('replies', front.name, reply.received),
      dropRate: rate('drops', front.name, sum(request.dropped) + sum(reply.dropped)),
    };
  }));
  byId('fronts-empty').hidden = fronts.length > 0;
}

export const sum = dropped => Object.values(dropped).reduce((a, b) => a + b, 0);

const workerRows = keyed(byId('workers'), worker => worker.index, () => {
  const { node, cells } = row(['Worker'], ['CPU, last second'], ['Listeners', 'n'], ['Flows', 'n']);
  const load = meter('CPU time of the last second');
  cells[1].append(load.node);
  return {
    node,
    update(worker) {
      put(cells[0], worker.active ? `${worker.index}` : `${worker.index} (resting)`);
      load.show(worker.utilisation, format.percent(worker.utilisation));
      put(cells[2], format.count(worker.listeners));
      put(cells[3], format.count(worker.flows));
    },
  };
});

export function showWorkers({ count, max, scaling, workers }) {
  put(byId('workers-how'), `${count} of ${max} active, ${scaling === 'FIXED' ? 'fixed' : 'as the load needs'}`);
  workerRows(workers);
}

const ledgerRows = keyed(byId('ledger'), line => `${line.reason} ${line.front}`, () => {
  const { node, cells } = row(['Reason'], ['Front', 'name'], ['Requests', 'n'], ['Replies', 'n']);
  return {
    node,
    update(line) {
      put(cells[0], line.reason);
      put(cells[1], line.front);
      put(cells[2], format.count(line.requests));
      put(cells[3], format.count(line.replies));
    },
  };
});

/** Every reason that came up, and what the kernel dropped before Sluice saw it. */
export function showLedger(ledgers, fronts) {
  const lines = ledgers.flatMap(({ front, request, reply }) =>
    [...new Set([...Object.keys(request.dropped), ...Object.keys(reply.dropped)])].map(reason => ({
      reason, front, requests: request.dropped[reason] ?? 0, replies: reply.dropped[reason] ?? 0,
    })));
  const kernel = fronts.map(front => ({ reason: 'kernel, buffer full', front: front.name, requests: front.kernelDrops, replies: 0 }));
  const some = [...lines, ...kernel].filter(line => line.requests + line.replies > 0);
  ledgerRows(some);
  byId('ledger-empty').hidden = some.length > 0;
}

/** Adds an event, the newest on top. */
export function showEvent(type, { at, subject, what, why }) {
  const word = STATES.includes(what) ? el('span') : el('b', {}, what);
  if (STATES.includes(what)) showState(word, what);
  const events = byId('events');
  events.prepend(el('li', {},
      el('time', { datetime: at, title: at }, format.time(new Date(at))),
      el('span', { class: 'kind' }, type), word, el('span', { class: 'name' }, subject), el('span', { class: 'why' }, why)));
  if (events.children.length > MAX_EVENTS) events.lastElementChild.remove();
  byId('events-empty').hidden = true;
}

// Pools: each backend's state, the evidence for it, and what an operator may wish of it.

import { byId, el, keyed, meter, put, row, showState } from './dom.js';
import * as format from './format.js';

const COLUMNS = [['State', 'head'], ['Backend', 'name'], ['Flows', 'n'], ['Requests/s', 'n'], ['Answered', 'n'], ['Latency', 'n'],
  ['ICMP', 'n'], ['Ejected', 'n'], ['Score'], ['Evidence', 'evidence'], ['Action', 'action']];

const rates = new format.Rates();

/** Told of every click on a backend's button: (wish, pool, backend). */
let wish = () => {};

export function onWish(told) {
  wish = told;
}

export function showPools(pools, atMillis) {
  poolBodies(pools.map(pool => ({ ...pool, atMillis })));
  byId('pools-empty').hidden = pools.length > 0;
}

const heads = COLUMNS.map(([label, kind]) => el('th', kind === 'n' ? { class: 'n' } : {}, label));
byId('pools').append(el('thead', {}, el('tr', {}, ...heads)));

const poolBodies = keyed(byId('pools'), pool => pool.name, () => {
  const name = el('b');
  const how = el('span', { class: 'muted' });
  const eligible = el('span');
  const leaving = el('span', { class: 'warn' });
  const head = el('th', { colspan: COLUMNS.length, scope: 'rowgroup' }, name, how, eligible, leaving);
  const body = el('tbody', {}, el('tr', { class: 'pool' }, head));
  const backends = keyed(body, backend => backend.name, backendRow, 1);
  return {
    node: body,
    update(pool) {
      put(name, pool.name);
      put(how, `${pool.policy} by ${pool.affinity} · ${sayPorts(pool.portsFree)}`);
      showEligible(eligible, pool.backends);
      put(leaving, sayLeaving(pool.leaving));
      backends(pool.backends.map(backend => ({ ...backend, pool: pool.name, atMillis: pool.atMillis })));
    },
  };
}, 1);

const sayPorts = portsFree =>
  `ports left: ${Object.entries(portsFree).map(([from, free]) => `${format.count(free)}${from === 'any' ? '' : ` from ${from}`}`).join(', ')}`;

const sayLeaving = leaving => leaving.length === 0 ? ''
  : `removed, with flows left: ${leaving.map(({ name, address, flows }) => `${name} at ${address} (${format.count(flows)})`).join(', ')}`;

function showEligible(node, backends) {
  const able = backends.filter(backend => backend.eligible).length;
  put(node, `${able} of ${backends.length} eligible`);
  node.className = able === backends.length ? 'muted' : able === 0 ? 'bad' : 'warn';
}

function backendRow() {
  const { node, cells } = row(...COLUMNS);
  const [state, name, flows, requests, answered, latency, unreachable, ejections, score, evidence, action] = cells;
  const chip = el('span');
  const label = el('b');
  const weight = el('span', { class: 'muted' });
  const address = el('span', { class: 'mono muted' });
  const points = meter('Score');
  const file = dossier();
  const button = el('button', { type: 'button', 'data-change': '' });
  let shown;
  state.append(chip);
  name.append(el('div', {}, label, ' ', weight), address);
  score.append(points.node);
  evidence.append(file.node);
  unreachable.title = 'ICMP errors since start';
  ejections.title = 'Times it was taken out since start';
  answered.title = 'Of the requests of late, those it has answered';
  action.append(button);
  button.addEventListener('click', () => wish(shown.draining ? 'enable' : 'drain', shown.pool, shown.name));
  return {
    node,
    update(backend) {
      shown = backend;
      showState(chip, backend.state);
      put(label, backend.name);
      put(weight, backend.weight === 1 ? '' : `×${backend.weight}`);
      weight.title = `weight ${backend.weight}`;
      put(address, backend.address);
      put(flows, format.count(backend.flows));
      put(requests, format.rate(rates.of(`${backend.pool}/${backend.name}`, backend.requests, backend.atMillis)));
      put(answered, backend.replyRatio === undefined ? format.NONE : format.percent(backend.replyRatio));
      put(latency, format.millis(backend.latencyMillis));
      put(unreachable, format.count(backend.unreachable));
      put(ejections, format.count(backend.ejections));
      points.show(backend.score / 100, String(backend.score));
      file.update(backend);
      put(button, backend.draining ? 'Enable' : 'Drain');
      button.setAttribute('aria-label', `${button.textContent} ${backend.pool}/${backend.name}`);
    },
  };
}

/** Why it is in its state, and, unfolded, how it came there. */
function dossier() {
  const why = el('span');
  const since = el('span', { class: 'muted since' });
  const draining = el('p', { class: 'warn' });
  const probe = el('p');
  const counts = el('p', { class: 'muted' });
  const history = el('ol', { class: 'history' });
  const transitions = keyed(history, step => `${step.at} ${step.to}`, transition);
  return {
    node: el('details', {}, el('summary', {}, why, ' ', since), draining, probe, counts, el('h4', {}, 'History'), history),
    update(backend) {
      put(why, backend.reason);
      put(since, `for ${format.ago(backend.since)}`);
      put(draining, backend.draining ? sayDraining(backend.draining) : '');
      put(probe, sayProbe(backend.probe));
      probe.className = backend.probe && !backend.probe.passed ? 'bad' : '';
      put(counts, `${format.count(backend.requests)} requests and ${format.count(backend.replies)} replies since start`);
      transitions(backend.history.length > 0 ? [...backend.history].reverse() : []);
      history.hidden = backend.history.length === 0;
      history.previousElementSibling.hidden = history.hidden;
    },
  };
}

function sayDraining({ deadline, byItself }) {
  const whose = byItself ? 'Drains by its own wish' : 'Drains by an operator’s wish';
  if (!deadline) return `${whose}; the flows it has go on to their ends.`;
  const left = format.secondsUntil(deadline);
  return `${whose}; the flows it has ${left > 0 ? `leave in ${format.duration(left)}` : 'are leaving'}.`;
}

function sayProbe(probe) {
  if (!probe) return 'No probe has come back, or none is configured.';
  const took = probe.tookSeconds === 0 ? 'less than 1 ms' : format.millis(probe.tookSeconds * 1_000);
  return `Last probe ${probe.passed ? 'passed' : 'failed'}: ${probe.reason} (took ${took}, ${format.ago(probe.at)} ago)`;
}

function transition() {
  const at = el('time');
  const to = el('span');
  const why = el('span', { class: 'why' });
  return {
    node: el('li', {}, at, to, why),
    update(step) {
      at.dateTime = step.at;
      at.title = step.at;
      put(at, format.time(new Date(step.at)));
      showState(to, step.to);
      put(why, step.reason);
    },
  };
}

// The page: asks the appliance every other second, listens to its events, and does what the operator says.

import * as api from './api.js';
import { Chart } from './charts.js';
import { byId, note, put } from './dom.js';
import * as flows from './flows.js';
import * as format from './format.js';
import * as pools from './pools.js';
import * as views from './views.js';

const POLL_MS = 2_000;
const MAX_PAUSE_MS = 10_000;
const RESULT_MS = 8_000;

/** Of two answers closer than that, by clocks that may differ, no rate is to be made. */
const APART_MS = 500;

const charts = {
  traffic: new Chart(byId('chart-traffic'), format.rate),
  drops: new Chart(byId('chart-drops'), format.rate, 'No drops since this page was opened.'),
  flows: new Chart(byId('chart-flows'), format.count),
};
const rates = new format.Rates();

let lastAnswer = null;
let viewer = false;
let streaming = false;
let lastEvent = null;
let recorded = 0;

const pause = millis => new Promise(resolve => setTimeout(resolve, millis));

const visible = () => new Promise(resolve => {
  if (!document.hidden) return resolve();
  document.addEventListener('visibilitychange', () => resolve(visible()), { once: true });
});

async function poll() {
  const status = await api.get('v1/status'); // alone: a token that is none is to be one failed attempt, not five
  const paths = ['v1/fronts', 'v1/pools', 'v1/workers', 'v1/drops'];
  const [{ fronts }, { pools: all }, workers, { fronts: ledgers }] = await Promise.all(paths.map(path => api.get(path)));
  const now = performance.now();
  viewer = status.role === 'viewer';
  format.setClock(status);
  views.showStatus(status);
  views.showFronts(fronts, ledgers, now);
  pools.showPools(all, now);
  views.showPorts(all);
  views.showWorkers(workers);
  views.showLedger(ledgers, fronts);
  flows.offer(fronts, all);
  await flows.refreshIfSeen();
  if (!streaming) record(totals(status, fronts, ledgers), Date.now());
  connected();
}

/** What the stream's line of the second says, made of what was polled: where the stream is refused. */
function totals(status, fronts, ledgers) {
  const add = (side, what) => ledgers.reduce((n, ledger) => n + ledger[side][what], 0);
  const dropped = {};
  for (const { request, reply } of ledgers) {
    for (const [reason, n] of [...Object.entries(request.dropped), ...Object.entries(reply.dropped)]) {
      dropped[reason] = (dropped[reason] ?? 0) + n;
    }
  }
  return {
    flows: status.flows,
    requests: add('request', 'received'),
    replies: add('reply', 'received'),
    requestBytes: add('request', 'receivedBytes'),
    replyBytes: add('reply', 'receivedBytes'),
    dropped,
    kernelDrops: fronts.reduce((n, front) => n + front.kernelDrops, 0),
  };
}

function record(all, atMillis) {
  if (Math.abs(atMillis - recorded) < APART_MS) return;
  recorded = atMillis;
  const rate = (name, n) => rates.of(name, n, atMillis);
  const now = {
    requests: rate('requests', all.requests),
    replies: rate('replies', all.replies),
    requestBytes: rate('requestBytes', all.requestBytes),
    replyBytes: rate('replyBytes', all.replyBytes),
    drops: rate('drops', views.sum(all.dropped)),
    kernelDrops: rate('kernelDrops', all.kernelDrops),
  };
  views.showRates(now);
  const reasons = Object.entries({ ...all.dropped, kernel: all.kernelDrops }).map(([name, n]) => [name, rate(`drop ${name}`, n)]);
  const seconds = atMillis / 1_000;
  charts.flows.add(seconds, { flows: all.flows });
  if (now.requests !== null) {
    charts.traffic.add(seconds, { requests: now.requests, replies: now.replies });
    charts.drops.add(seconds, Object.fromEntries(reasons), ([, n]) => n > 0);
  }
}

function showLink() {
  if (document.body.dataset.link === 'up') put(byId('link'), streaming ? 'Live' : 'Polling');
}

function connected() {
  lastAnswer = Date.now();
  document.body.dataset.link = 'up';
  showLink();
  note(byId('notice-link'), '');
  allowChanges();
}

/** Buttons that change something stand still while nobody would hear, and for those who may only look. */
function allowChanges() {
  const up = document.body.dataset.link === 'up';
  const why = viewer ? 'the token in use may look, not change' : up ? '' : 'the appliance does not answer';
  for (const button of document.querySelectorAll('[data-change]')) {
    button.disabled = why !== '';
    button.title = why;
  }
  byId('notice-role').hidden = !viewer;
  byId('sign-out').hidden = !api.token.get();
}

/** Says what is wrong and returns when it is time to try again. */
async function trouble(problem, tries) {
  if (problem.status === 401) return signIn();
  const lost = problem.status === 0;
  const since = lastAnswer === null ? '' : ` What is shown is ${format.duration((Date.now() - lastAnswer) / 1_000)} old.`;
  document.body.dataset.link = 'lost';
  put(byId('link'), lost ? 'Connection lost' : 'Trouble');
  note(byId('notice-link'), `${lost ? 'Connection lost' : 'Trouble'}: ${problem.message}.${since} Trying again …`);
  allowChanges();
  await pause(Math.min(MAX_PAUSE_MS, Math.max(problem.retryAfterSeconds * 1_000, 500 * 2 ** tries)));
}

/** Asks for a token until there is one; both loops may come here, one dialog is shown. */
let asking = null;

function signIn() {
  asking ??= askForToken().finally(() => {
    asking = null;
  });
  return asking;
}

async function askForToken() {
  document.body.dataset.link = 'lost';
  put(byId('link'), 'Not authorised');
  put(byId('phase'), '');
  const dialog = byId('sign-in');
  put(byId('sign-in-why'), api.token.get() ? 'The appliance does not know this token.' : 'This appliance answers only to those who have a token.');
  allowChanges();
  dialog.querySelector('form').reset();
  do {
    if (!dialog.open) dialog.showModal();
    await new Promise(resolve => dialog.addEventListener('close', resolve, { once: true }));
  } while (dialog.returnValue !== 'do');
  api.token.set(dialog.querySelector('input').value.trim());
}

async function keepPolling() {
  for (let tries = 0; ; ) {
    await visible();
    try {
      await poll();
      tries = 0;
      await pause(POLL_MS);
    } catch (e) {
      if (!(e instanceof api.Problem)) throw e;
      await trouble(e, tries++);
    }
  }
}

async function keepListening() {
  for (let tries = 0; ; ) {
    await visible();
    while (document.body.dataset.link !== 'up') await pause(POLL_MS / 8);
    const hidden = new AbortController();
    const hide = () => document.hidden && hidden.abort();
    document.addEventListener('visibilitychange', hide);
    try {
      for await (const { type, id, data } of api.events(lastEvent, hidden.signal)) {
        tries = 0;
        streaming = true;
        showLink();
        if (type === 'stats') {
          record(data, Date.parse(data.at));
        } else {
          lastEvent = id;
          views.showEvent(type, data);
        }
      }
    } catch (e) {
      if (!(e instanceof api.Problem)) throw e; // else the polls find it out too, and say it
    } finally {
      streaming = false;
      showLink();
      document.removeEventListener('visibilitychange', hide);
    }
    await pause(Math.min(MAX_PAUSE_MS, 500 * 2 ** tries++));
  }
}

/** Does what the operator wished and says how it went. */
async function act(what, done) {
  try {
    await what();
    if (done) say(done, 'info');
    await poll();
  } catch (e) {
    if (!(e instanceof api.Problem)) throw e;
    if (e.status === 401) return signIn();
    say(e.message, 'bad');
    allowChanges();
  }
}

function say(text, kind) {
  const node = byId('notice-result');
  node.className = `notice ${kind}`;
  note(node, text);
  setTimeout(() => node.textContent === text && note(node, ''), RESULT_MS);
}

/** Resolves to what was chosen, or to null. */
async function confirm(title, text, verb, withDeadline = false) {
  const dialog = byId('confirm');
  put(byId('confirm-title'), title);
  put(byId('confirm-text'), text);
  put(byId('confirm-do'), verb);
  byId('confirm-deadline').hidden = !withDeadline;
  dialog.returnValue = '';
  dialog.querySelector('form').reset();
  dialog.showModal();
  await new Promise(resolve => dialog.addEventListener('close', resolve, { once: true }));
  return dialog.returnValue === 'do' ? { deadline: dialog.querySelector('select').value } : null;
}

const WISHES = {
  drain: ['It gets no new flows until it is enabled.', 'Drain'],
  enable: ['It gets flows again as its health allows.', 'Enable'],
};

pools.onWish(async (wish, pool, backend) => {
  const [text, verb] = WISHES[wish];
  const chosen = await confirm(`${verb} ${pool}/${backend}?`, text, verb, wish === 'drain');
  if (!chosen) return;
  const path = `v1/pools/${encodeURIComponent(pool)}/backends/${encodeURIComponent(backend)}/${wish}`;
  const content = chosen.deadline && wish === 'drain' ? { deadline: chosen.deadline } : {};
  await act(() => api.post(path, content), `${pool}/${backend}: ${wish === 'drain' ? 'draining' : 'enabled'}.`);
});

flows.onKill(async flow => {
  const text = `From ${flow.client} to ${flow.pool}/${flow.backend}. The client’s next datagram opens a new flow.`;
  if (await confirm('Kill this flow?', text, 'Kill')) {
    await act(() => api.remove(`v1/flows/${flow.id}`), `The flow of ${flow.client} has ended.`);
  }
});

byId('sign-out').addEventListener('click', () => {
  api.token.forget();
  location.reload();
});

flows.begin(act);
keepPolling();
keepListening();

// Live flows: a page at a time, as searched for; each can be killed.

import * as api from './api.js';
import { byId, el, keyed, note, put, row, showState } from './dom.js';
import * as format from './format.js';

const LIMIT = 25;

const form = byId('search');

/** What was searched for last, and where each page visited begins; undefined: the first. */
let search = new URLSearchParams();
let cursors = [undefined];
let next;

/** Told of every click on a flow's button. */
let kill = () => {};

export function onKill(told) {
  kill = told;
}

const flowRows = keyed(byId('flows'), flow => flow.id, () => {
  const { node, cells } = row(['Client', 'mono'], ['Front', 'name'], ['Backend', 'name'], ['Answered'], ['Worker', 'n'],
      ['Age', 'n'], ['Idle', 'n'], ['Requests', 'n'], ['Replies', 'n'], ['Payload', 'n'], ['Action', 'action']);
  const answered = el('span');
  const button = el('button', { type: 'button', 'data-change': '' }, 'Kill');
  let shown;
  cells[3].append(answered);
  cells[10].append(button);
  button.addEventListener('click', () => kill(shown));
  return {
    node,
    update(flow) {
      shown = flow;
      put(cells[0], flow.client);
      put(cells[1], flow.front);
      cells[1].title = `to ${flow.local}`;
      put(cells[2], `${flow.pool}/${flow.backend}`);
      showState(answered, flow.assured ? 'yes' : 'not yet');
      put(cells[4], String(flow.worker));
      put(cells[5], format.ago(flow.openedAt));
      put(cells[6], format.duration(flow.idleSeconds));
      put(cells[7], format.count(flow.requests));
      cells[7].title = format.bytes(flow.requestBytes);
      put(cells[8], format.count(flow.replies));
      cells[8].title = format.bytes(flow.replyBytes);
      put(cells[9], format.bytes(flow.requestBytes + flow.replyBytes));
      button.setAttribute('aria-label', `Kill the flow of ${flow.client}`);
    },
  };
});

/** Listing flows costs the appliance the more, the more there are: not where nobody sees them. */
let seen = true;
new IntersectionObserver(([entry]) => {
  seen = entry.isIntersecting;
}, { rootMargin: '50%' }).observe(form.parentElement);

export const refreshIfSeen = async () => seen && refresh();

async function refresh() {
  const asked = search;
  const query = new URLSearchParams(search);
  query.set('limit', LIMIT);
  if (cursors.at(-1)) query.set('cursor', cursors.at(-1));
  try {
    const page = await api.get(`v1/flows?${query}`);
    if (asked === search) show(page);
  } catch (e) {
    if (e.status !== 400) throw e;
    note(byId('search-problem'), e.message);
    show({ flows: [] });
  }
}

function show({ flows, nextCursor }) {
  next = nextCursor;
  flowRows(flows);
  const filtered = search.size > 0;
  note(byId('flows-empty'), flows.length > 0 ? '' : filtered ? 'No flow fits.' : 'No flows: no client has sent anything of late.');
  byId('flows-first').disabled = cursors.length === 1;
  byId('flows-next').disabled = !next;
  put(byId('flows-page'), flows.length > 0 ? `Page ${cursors.length}, ${flows.length} flows, oldest first` : '');
}

/** What can be chosen to search by. */
export function offer(fronts, pools) {
  const backends = pools.flatMap(pool => pool.backends.map(backend => backend.name));
  frontOptions(['', ...fronts.map(front => front.name)]);
  backendOptions(['', ...new Set(backends)].toSorted());
}

const option = () => {
  const node = el('option');
  return {
    node,
    update(name) {
      node.value = name;
      put(node, name || 'any');
    },
  };
};
form.elements.front.replaceChildren();
form.elements.backend.replaceChildren();
const frontOptions = keyed(form.elements.front, name => name, option);
const backendOptions = keyed(form.elements.backend, name => name, option);

/** @param act does what it is given and says what went wrong with it */
export function begin(act) {
  const turn = to => act(() => {
    cursors = to;
    return refresh();
  });
  form.addEventListener('submit', event => {
    event.preventDefault();
    const given = [...new FormData(form)].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value);
    search = new URLSearchParams(given);
    note(byId('search-problem'), '');
    turn([undefined]);
  });
  byId('flows-first').addEventListener('click', () => turn([undefined]));
  byId('flows-next').addEventListener('click', () => turn([...cursors, next]));
}

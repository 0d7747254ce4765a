// The admin API, and nothing beside it: relative addresses, so that it may stand behind a prefix.

const PATIENCE_MS = 10_000;

/** The stream says something every second. */
const SILENCE_MS = 6_000;

/** What the appliance refused, in its words; status 0 if it did not answer. */
export class Problem extends Error {
  constructor(status, detail, retryAfterSeconds = 0) {
    super(detail);
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export const token = {
  get: () => sessionStorage.getItem('token'),
  set: value => sessionStorage.setItem('token', value),
  forget: () => sessionStorage.removeItem('token'),
};

export const get = async path => (await request('GET', path)).json();

export const post = async (path, content) => (await request('POST', path, { content })).json();

export const remove = async path => {
  await request('DELETE', path);
};

async function request(method, path, { content, headers = {}, signal = AbortSignal.timeout(PATIENCE_MS) } = {}) {
  if (token.get()) headers.Authorization = `Bearer ${token.get()}`;
  if (content) headers['Content-Type'] = 'application/json';
  let response;
  try {
    response = await fetch(path, { method, headers, signal, body: content && JSON.stringify(content), redirect: 'error' });
  } catch (e) {
    throw new Problem(0, e.name === 'TimeoutError' ? 'no answer within 10 s' : 'the appliance cannot be reached');
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

async function problemOf(response) {
  const said = await response.json().catch(() => ({}));
  const detail = said.detail ?? `the appliance answered ${response.status}`;
  return new Problem(response.status, detail, Number(response.headers.get('Retry-After') ?? 0));
}

/**
 * The stream of events, as { type, id, data }, until the signal or an error ends it. By fetch and not by EventSource,
 * which cannot send a token.
 *
 * @param last id of the last event seen; null for all that the appliance still has
 */
export async function* events(last, signal) {
  const quiet = new AbortController();
  const headers = last === null ? {} : { 'Last-Event-ID': String(last) };
  const response = await request('GET', 'v1/events', { headers, signal: AbortSignal.any([signal, quiet.signal]) });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const timer = setTimeout(() => quiet.abort(), SILENCE_MS);
    const { done, value } = await reader.read().catch(brokenOff).finally(() => clearTimeout(timer));
    if (done) return;
    const blocks = (text + value).split('\n\n');
    text = blocks.pop();
    for (const block of blocks) yield event(block);
  }
}

function brokenOff() {
  throw new Problem(0, 'the stream of events has broken off');
}

function event(block) {
  const fields = new Map(block.split('\n').map(line => line.split(/: (.*)/s, 2)));
  return { type: fields.get('event'), id: Number(fields.get('id')), data: JSON.parse(fields.get('data')) };
}

// Numbers and times for people: short, and of steady width.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const UNITS = [['d', 86_400], ['h', 3_600], ['min', 60], ['s', 1]];

export const NONE = '–';

export const count = n => whole.format(n);

const PREFIXES = [['T', 1e12], ['G', 1e9], ['M', 1e6], ['k', 1e3]];

/** Three digits or so, and the prefix of the unit that follows. */
function scaled(n) {
  const [prefix, size] = PREFIXES.find(([, least]) => n >= least) ?? ['', 1];
  const digits = n / size;
  return [digits.toFixed(size === 1 || digits >= 100 || Number.isInteger(digits) ? 0 : 1), prefix];
}

export const compact = n => scaled(n).join('');

const withUnit = (n, unit) => scaled(n).join(' ') + unit;

/** Of so many a second; null where it is not known yet. */
export function rate(n) {
  if (n === null) return NONE;
  if (n >= 10_000) return compact(n);
  return n === 0 || n >= 10 ? whole.format(n) : n.toFixed(1);
}

export const bits = bytesPerSecond => (bytesPerSecond === null ? NONE : withUnit(bytesPerSecond * 8, 'bit/s'));

export const bytes = n => withUnit(n, 'B');

export const percent = share => `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;

export function millis(ms) {
  if (ms === 0) return NONE;
  return ms < 10 ? `${ms.toFixed(2)} ms` : `${whole.format(ms)} ms`;
}

/** The two largest units. */
export function duration(seconds) {
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  let rest = Math.round(seconds);
  const parts = [];
  for (const [unit, size] of UNITS) {
    const n = Math.floor(rest / size);
    rest -= n * size;
    if (n > 0) parts.push(`${n} ${unit}`);
  }
  return parts.slice(0, 2).join(' ');
}

export const time = date => clock.format(date);

/** How far the appliance's clock is ahead of the browser's. */
let aheadMillis = 0;

export function setClock(status) {
  aheadMillis = Date.parse(status.startedAt) + status.uptimeSeconds * 1_000 - Date.now();
}

/** Seconds from now by the appliance's clock; negative for what was. */
export const secondsUntil = instant => (Date.parse(instant) - Date.now() - aheadMillis) / 1_000;

export const ago = instant => duration(-secondsUntil(instant));

/** What grows by how much a second, between one look and the next. */
export class Rates {
  #last = new Map();

  /** null at the first look, and where the count has begun anew. */
  of(key, n, atMillis) {
    const last = this.#last.get(key);
    if (last && atMillis <= last.atMillis) return last.rate;
    const rate = last && n >= last.n ? ((n - last.n) * 1_000) / (atMillis - last.atMillis) : null;
    this.#last.set(key, { n, atMillis, rate });
    return rate;
  }
}

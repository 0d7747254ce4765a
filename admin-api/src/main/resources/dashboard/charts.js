// Live charts by uPlot: one column a second, the last ten minutes.

import uPlot from './uPlot.esm.js';
import { el, put } from './dom.js';
import * as format from './format.js';

const SECONDS = 600;
const SHORTEST_SECONDS = 60;
const HEIGHT = 180;

/** Lines differ in colour and in dash, as far as there are any; the same stand in style.css for the legend. */
const DASHES = [[], [8, 4], [2, 3], [8, 3, 2, 3]];
const COLOURS = 6;

/** Steps between the lines of the grid: what is counted comes in ones. */
const WHOLE = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8].flatMap(n => [n, 2 * n, 5 * n]);

const styleOf = element => getComputedStyle(element).color;

const tint = colour => `color-mix(in srgb, ${colour} 14%, transparent)`;

/** A chart whose lines are added as they come up. */
export class Chart {
  #panel;
  #legend = el('ul', { class: 'legend' });
  #box = el('div', { class: 'chart' });
  #lines = new Map();
  #times = [];
  #plot = null;
  #say;

  #hint = el('p', { class: 'empty' }, 'Waiting for the first seconds …');
  #none;

  /**
   * @param say how a value is written
   * @param none what to say as long as there is no line
   */
  constructor(panel, say, none) {
    this.#panel = panel;
    this.#say = say;
    this.#none = none;
    this.#box.append(this.#hint);
    panel.append(this.#legend, this.#box);
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(this.#box);
    document.addEventListener('themechange', () => this.#plot?.redraw(false));
  }

  /**
   * One more column.
   *
   * @param values by the name of their line
   * @param begins whether a line that is not there yet begins now
   */
  add(seconds, values, begins = () => true) {
    const last = this.#times.at(-1);
    if (last !== undefined && seconds <= last) return;
    if (last !== undefined && seconds - last > 3) this.#push((last + seconds) / 2, {}); // a gap is no line
    this.#push(seconds, values);
    const fresh = Object.entries(values).filter(value => !this.#lines.has(value[0]) && begins(value));
    fresh.forEach(([name, value]) => this.#addLine(name, value));
    if (this.#times.length < 2) return;
    if (this.#lines.size === 0) put(this.#hint, this.#none);
    else if (!this.#plot || fresh.length > 0) this.#draw();
    else this.#plot.setData(this.#data());
    this.#showValues(this.#times.length - 1);
  }

  #push(seconds, values) {
    this.#times.push(seconds);
    for (const [name, line] of this.#lines) line.values.push(values[name] ?? null);
    while (this.#times[0] < seconds - SECONDS) {
      this.#times.shift();
      for (const line of this.#lines.values()) line.values.shift();
    }
  }

  #addLine(name, value) {
    const i = this.#lines.size;
    const key = el('span', { class: `key c${i % COLOURS} d${Math.floor(i / COLOURS) % DASHES.length}` });
    const number = el('b');
    this.#legend.append(el('li', {}, key, name, number));
    const values = this.#times.map(() => 0);
    values[values.length - 1] = value;
    this.#lines.set(name, { values, key, number, dash: DASHES[Math.floor(i / COLOURS) % DASHES.length] });
  }

  #data = () => [this.#times, ...[...this.#lines.values()].map(line => line.values)];

  #size = () => ({ width: Math.max(160, this.#box.clientWidth), height: HEIGHT });

  #draw() {
    this.#plot?.destroy();
    this.#box.replaceChildren();
    this.#plot = new uPlot(this.#options(), this.#data(), this.#box);
  }

  #options() {
    const axis = {
      stroke: () => styleOf(this.#panel.querySelector('h2')),
      font: '11px system-ui, sans-serif',
      grid: { stroke: () => styleOf(this.#legend), width: 1 },
      ticks: { show: false },
    };
    return {
      ...this.#size(),
      legend: { show: false },
      cursor: { y: false, drag: { setScale: false, x: false } },
      scales: {
        x: { range: (plot, from, to) => [Math.min(from, to - SHORTEST_SECONDS), to] },
        y: { range: (plot, low, high) => [0, Math.max(4, high * 1.15)] },
      },
      axes: [
        { ...axis, space: 80, size: 26, values: (plot, ticks) => ticks.map(tick => format.time(tick * 1_000)) },
        { ...axis, space: 32, size: 46, incrs: WHOLE, values: (plot, ticks) => ticks.map(format.compact) },
      ],
      series: [{}, ...[...this.#lines.values()].map(line => this.#series(line))],
      hooks: { setCursor: [plot => this.#showValues(plot.cursor.idx ?? this.#times.length - 1)] },
    };
  }

  #series(line) {
    return {
      stroke: () => styleOf(line.key),
      fill: () => tint(styleOf(line.key)),
      width: 1.75,
      dash: line.dash,
      points: { show: false },
    };
  }

  #showValues(column) {
    for (const { values, number } of this.#lines.values()) {
      const value = values[column] ?? null;
      put(number, value === null ? format.NONE : this.#say(value));
    }
  }
}

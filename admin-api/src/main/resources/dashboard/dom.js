// The little of a framework that the page needs. What the appliance says comes in as text, never as markup.

/** An element with attributes; children that are no nodes become text. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export const byId = id => document.getElementById(id);

/** Touches the page only where something differs, so that selections and screen readers are left in peace. */
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Shows a text, or hides the element where there is none. */
export function note(node, text) {
  node.hidden = !text;
  put(node, text ?? '');
}

/**
 * A function that makes the children of an element those of a list. What is there already, by its key, is updated in
 * place and keeps its focus and what was unfolded in it.
 *
 * @param make of nothing a { node, update(item) }
 * @param others how many children stand before them
 */
export function keyed(parent, keyOf, make, others = 0) {
  const known = new Map();
  return items => {
    const wanted = new Set(items.map(keyOf));
    for (const [key, { node }] of known) {
      if (!wanted.has(key)) {
        node.remove();
        known.delete(key);
      }
    }
    items.forEach((item, i) => {
      const key = keyOf(item);
      if (!known.has(key)) known.set(key, make());
      const { node, update } = known.get(key);
      update(item);
      const there = parent.children[others + i];
      if (there !== node) parent.insertBefore(node, there ?? null);
    });
  };
}

/** A table row of cells; `label` stands before a cell where the screen is too narrow for columns. */
export function row(...cells) {
  const made = cells.map(([label, kind]) => el('td', { 'data-label': label, ...(kind && { class: kind }) }));
  return { node: el('tr', {}, ...made), cells: made };
}

/** A bar from 0 to 1 beside its text. */
export function meter(label) {
  const bar = el('meter', { min: 0, max: 1, 'aria-label': label });
  const text = el('span');
  return {
    node: el('span', { class: 'meter' }, bar, text),
    show(value, words) {
      bar.value = value;
      put(text, words);
    },
  };
}

/** A word for a state, with a shape and a colour of its own. */
export function showState(node, state) {
  node.className = 'state';
  node.dataset.state = state;
  put(node, state);
}

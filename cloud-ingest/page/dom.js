// @ts-check
/** The few things this page needs of the document. Nodes are made once and then only changed where something changed. */

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, string>} [attributes]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function make(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const node = document.getElementById(id);
  if (node === null) throw new Error(`the page has no #${id}`);
  return node;
}

/** @param {Node} node @param {string} text */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** @param {Element} node @param {string} name @param {string} value */
export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/**
 * Keeps one child per item, in the order of the items, and makes or removes only what is new or gone.
 * @template Item, View
 * @param {Element} parent
 * @param {Map<string, View & {node: Element}>} views by key
 * @param {readonly Item[]} items
 * @param {{key: (item: Item) => string, make: (item: Item) => View & {node: Element}, update: (view: View, item: Item) => void, after?: Element | null}} how
 *   `after` is a child that stays in front of the list
 */
export function keep(parent, views, items, how) {
  const wanted = new Set(items.map(how.key));
  for (const [key, view] of views) {
    if (wanted.has(key)) continue;
    view.node.remove();
    views.delete(key);
  }
  let before = how.after ?? null;
  for (const item of items) {
    const key = how.key(item);
    const view = views.get(key) ?? how.make(item);
    views.set(key, view);
    const next = before === null ? parent.firstElementChild : before.nextElementSibling;
    if (next !== view.node) parent.insertBefore(view.node, next);
    before = view.node;
    how.update(view, item);
  }
}

// @ts-check
/** The read API as this page uses it. */

/** @typedef {import('../src/api/problem.ts').Problem} Problem */
/** @typedef {import('../src/api/live/routes.ts').LiveEvent} LiveEvent */

/**
 * @template Reply
 * @param {string} path
 * @param {Record<string, string | number>} [query]
 * @returns {Promise<Reply>}
 * @throws {Error} with what the API said
 */
export async function get(path, query = {}) {
  const url = new URL(`/api/v1/${path}`, location.href);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
  const response = await fetch(url, { headers: { accept: 'application/json' } });
  if (response.status === 401) location.assign('/login.html');
  const reply = await response.json();
  if (response.ok) return reply;
  const problem = /** @type {Problem} */ (reply);
  throw new Error(`${problem.title}: ${problem.detail}`);
}

/**
 * Latest values as they change, for as long as somebody looks at the page. The browser connects again by itself, and every
 * connection begins with all values.
 * @param {(event: LiveEvent) => void} onLatest
 * @param {(isOpen: boolean) => void} onLink
 */
export function followLive(onLatest, onLink) {
  /** @type {EventSource | null} */
  let source = null;
  const open = () => {
    source ??= new EventSource('/api/v1/live');
    source.onopen = () => onLink(true);
    source.onerror = () => {
      onLink(false);
      // Refused for good, e.g. because too many listen: try again later.
      if (source?.readyState !== EventSource.CLOSED) return;
      close();
      setTimeout(() => document.hidden || open(), 5_000);
    };
    source.addEventListener('latest', (event) => onLatest(JSON.parse(event.data)));
  };
  const close = () => {
    source?.close();
    source = null;
  };
  document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
  if (!document.hidden) open();
}

/**
 * Asks again and again, one at a time, while the page is looked at.
 * @param {() => Promise<void>} ask
 * @param {number} everyMs
 */
export function repeat(ask, everyMs) {
  const turn = async () => {
    if (!document.hidden) await ask();
    setTimeout(turn, everyMs);
  };
  void turn();
}

/** What prom-client's `collectDefaultMetrics` is made of; it has no types of its own. */
declare module 'prom-client/lib/metrics/*' {
  const collect: (registry: import('prom-client').Registry) => void;
  export default collect;
}

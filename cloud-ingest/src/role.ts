export const roles = {
  bridge: 'MQTT broker → backbone',
  processor: 'backbone → database, and commit acknowledgements to the gateways',
  api: 'read API, live values and the page',
  all: 'bridge, processor and api in one process',
} as const;
export type Role = keyof typeof roles;
export const isRole = (text: string): text is Role => Object.hasOwn(roles, text);

import type { Device } from '@fieldline/shared/config';

/** From an OPC UA server to the agent. */
const onTheWayMs = 500;

/**
 * How long after its own time a sample may be given, ms. A Modbus value has the time of the middle of its request, which may take its
 * time-out; one of OPC UA that of its source, and comes with the next publish.
 */
export const lagMsOf = (devices: readonly Device[]): number =>
  Math.max(
    0,
    ...devices.map((device) => (device.protocol === 'modbus' ? device.timeoutMs : device.publishingMs + onTheWayMs)),
  );

import type { ModbusDevice } from '@fieldline/shared/config';
import type { EdgeConfig } from '@fieldline/shared/config/edge';
import { type Answer, forecastLinks, type LinkForecast } from '../../drivers/modbus/forecast.ts';
import { patternsText } from '../found-tags.ts';
import { type Amounts, amountsOf } from './amounts.ts';

export type Forecast = {
  readonly links: readonly LinkForecast[];
  /** Devices that are not polled. */
  readonly others: readonly OtherForecast[];
  readonly amounts: Amounts;
};

export type OtherForecast = {
  readonly device: string;
  readonly protocol: string;
  readonly tags: number;
  readonly publishingMs: number;
  /** At most: servers report what has changed. */
  readonly samplesPerSecond: number;
  /** null where the settings have none. */
  readonly patterns: string | null;
};

/** `stated`: the settings without the tags of patterns. */
export function forecastOf(
  stated: EdgeConfig,
  config: EdgeConfig,
  answerOf: (device: ModbusDevice) => Answer,
): Forecast {
  const { devices } = config;
  const modbus = devices.filter((device): device is ModbusDevice => device.protocol === 'modbus');
  return {
    links: forecastLinks(modbus, answerOf),
    others: devices.flatMap((device, position): OtherForecast[] => {
      if (device.protocol === 'modbus') return [];
      const { device: name, protocol, tags, publishingMs } = device;
      const { samplesPerSecond } = amountsOf({ ...config, devices: [device] });
      const patterns = patternsText(stated.devices[position] ?? device, device);
      return [{ device: name, protocol, tags: tags.length, publishingMs, samplesPerSecond, patterns }];
    }),
    amounts: amountsOf(config),
  };
}

import type { ModbusDevice } from '@fieldline/shared/config';
import type { EdgeConfig } from '@fieldline/shared/config/edge';
import { type Answer, forecastLinks, type LinkForecast } from '../../drivers/modbus/forecast.ts';
import { type Amounts, amountsOf } from './amounts.ts';

export type Forecast = {
  readonly links: readonly LinkForecast[];
  /** Devices that are not polled. */
  readonly others: readonly { readonly device: string; readonly protocol: string; readonly tags: number }[];
  readonly amounts: Amounts;
};

export function forecastOf(config: EdgeConfig, answerOf: (device: ModbusDevice) => Answer): Forecast {
  const { devices } = config;
  const modbus = devices.filter((device): device is ModbusDevice => device.protocol === 'modbus');
  return {
    links: forecastLinks(modbus, answerOf),
    others: devices
      .filter(({ protocol }) => protocol !== 'modbus')
      .map(({ device, protocol, tags }) => ({ device, protocol, tags: tags.length })),
    amounts: amountsOf(config),
  };
}

// Addresses, types and scales: modbus_sungrow.yaml of mkaiser/Sungrow-SHx-Inverter-Modbus-Home-Assistant, compared with evcc-io/evcc (sungrow-hybrid.yaml).
// Addresses on the wire: one less than in the documents of the maker. −2,210 W as int32 is 0xFFFFF75E, low register first: F75E FFFF.
import { describeProfile } from './describe-profile.ts';

describeProfile('sungrow/sh-hybrid', {
  table: 'input',
  unit: 1,
  reads: [
    ['temperature', 5007, 'FFDD', -3.5, '°C'], // -35 ÷ 10
    ['mppt1.voltage', 5010, '101B', 412.3, 'V'], // 4,123 ÷ 10
    ['mppt1.current', 5011, '0057', 8.7, 'A'], // 87 ÷ 10
    ['mppt2.voltage', 5012, '0F93', 398.7, 'V'], // 3,987 ÷ 10
    ['mppt2.current', 5013, '004C', 7.6, 'A'], // 76 ÷ 10
    ['dc.power', 5016, '1170 0001', 70000, 'W'],
    ['voltage.l1', 5018, '0901', 230.5, 'V'], // 2,305 ÷ 10
    ['voltage.l2', 5019, '0906', 231, 'V'], // 2,310 ÷ 10
    ['voltage.l3', 5020, '090B', 231.5, 'V'], // 2,315 ÷ 10
    ['energy.pv', 13002, 'E240 0001', 12345.6, 'kWh'], // 123,456 ÷ 10
    ['load.power', 13007, '04D2 0000', 1234, 'W'],
    ['export.power', 13009, 'F75E FFFF', -2210, 'W'],
    ['battery.voltage', 13019, '0800', 204.8, 'V'], // 2,048 ÷ 10
    ['battery.charge', 13022, '036B', 87.5, '%'], // 875 ÷ 10
    ['battery.health', 13023, '03E3', 99.5, '%'], // 995 ÷ 10
    ['battery.temperature', 13024, '00D7', 21.5, '°C'], // 215 ÷ 10
    ['energy.battery.discharge', 13026, 'FF98 0000', 6543.2, 'kWh'], // 65,432 ÷ 10
    ['energy.import', 13036, '81CD 0001', 9876.5, 'kWh'], // 98,765 ÷ 10
  ],
  notAvailable: [
    ['mppt2.voltage', 5012, 'FFFF'],
    ['load.power', 13007, 'FFFF 7FFF'],
    ['export.power', 13009, 'FFFF 7FFF'],
    ['energy.import', 13036, 'FFFF FFFF'],
  ],
});

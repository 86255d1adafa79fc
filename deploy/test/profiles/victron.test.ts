// Addresses, types and scales: attributes.csv of victronenergy/dbus_modbustcp, com.victronenergy.system.
// −601 W as int16 is 65,536 − 601 = 64,935 = 0xFDA7; −12.5 A is −125 tenths = 0xFF83.
import { describeProfile } from './describe-profile.ts';

describeProfile('victron/gx-system', {
  table: 'input',
  unit: 100,
  reads: [
    ['pv.output.power.l1', 808, '05DD', 1501, 'W'],
    ['pv.output.power.l2', 809, '05DE', 1502, 'W'],
    ['pv.output.power.l3', 810, '05DF', 1503, 'W'],
    ['pv.grid.power.l1', 811, '9C41', 40001, 'W'],
    ['pv.grid.power.l2', 812, '9C42', 40002, 'W'],
    ['pv.grid.power.l3', 813, '9C43', 40003, 'W'],
    ['consumption.power.l1', 817, '0385', 901, 'W'],
    ['consumption.power.l2', 818, '0386', 902, 'W'],
    ['consumption.power.l3', 819, '0387', 903, 'W'],
    ['grid.power.l1', 820, 'FDA7', -601, 'W'],
    ['grid.power.l2', 821, 'FDA6', -602, 'W'],
    ['grid.power.l3', 822, 'FDA5', -603, 'W'],
    ['battery.voltage', 840, '020B', 52.3, 'V'], // 523 ÷ 10
    ['battery.current', 841, 'FF83', -12.5, 'A'], // -125 ÷ 10
    ['battery.power', 842, 'FD73', -653, 'W'],
    ['battery.charge', 843, '0057', 87, '%'],
    ['battery.state', 844, '0002', 2, undefined],
    ['pv.dc.power', 850, '0929', 2345, 'W'],
    ['pv.dc.current', 851, '01C0', 44.8, 'A'], // 448 ÷ 10
  ],
});

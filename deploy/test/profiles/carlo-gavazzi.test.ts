// Addresses and weights: opcodes of volkszaehler/mbmd (meters/rs485/carlogavazzi-em24*.go); the low register comes first.
// 230.5 V is 2,305 tenths: 0x00000901, in the registers 0901 0000; −1,500 W is −15,000 tenths: 0xFFFFC568, in the registers C568 FFFF.
import { describeProfile } from './describe-profile.ts';

describeProfile('carlo-gavazzi/em24-e1', {
  table: 'input',
  unit: 1,
  reads: [
    ['voltage.l1', 0x0000, '0901 0000', 230.5, 'V'], // 2,305 ÷ 10
    ['voltage.l2', 0x0002, '0906 0000', 231, 'V'], // 2,310 ÷ 10
    ['voltage.l3', 0x0004, '090B 0000', 231.5, 'V'], // 2,315 ÷ 10
    ['current.l1', 0x000c, 'EB7E FFFF', -5.25, 'A'], // -5,250 ÷ 1,000
    ['current.l2', 0x000e, 'EA84 FFFF', -5.5, 'A'], // -5,500 ÷ 1,000
    ['current.l3', 0x0010, 'E98A FFFF', -5.75, 'A'], // -5,750 ÷ 1,000
    ['power.l1', 0x0012, 'CA4F FFFF', -1374.5, 'W'], // -13,745 ÷ 10
    ['power.l2', 0x0014, 'CF36 FFFF', -1249, 'W'], // -12,490 ÷ 10
    ['power.l3', 0x0016, 'D41D FFFF', -1123.5, 'W'], // -11,235 ÷ 10
    ['power', 0x0028, 'C568 FFFF', -1500, 'W'], // -15,000 ÷ 10
    ['power.factor.l1', 0x002e, 'FE4A', -0.438, undefined], // -438 ÷ 1,000
    ['power.factor.l2', 0x002f, 'FE89', -0.375, undefined], // -375 ÷ 1,000
    ['power.factor.l3', 0x0030, 'FEC8', -0.312, undefined], // -312 ÷ 1,000
    ['power.factor', 0x0031, 'FE0C', -0.5, undefined], // -500 ÷ 1,000
    ['frequency', 0x0033, '01F3', 49.9, 'Hz'], // 499 ÷ 10
    ['energy.import', 0x0034, '1A80 0006', 40000, 'kWh'], // 400,000 ÷ 10
    ['energy.import.l1', 0x0040, '1F85 0006', 40128.5, 'kWh'], // 401,285 ÷ 10
    ['energy.import.l2', 0x0042, '248A 0006', 40257, 'kWh'], // 402,570 ÷ 10
    ['energy.import.l3', 0x0044, '298F 0006', 40385.5, 'kWh'], // 403,855 ÷ 10
    ['energy.export', 0x004e, '4E20 0000', 2000, 'kWh'], // 20,000 ÷ 10
  ],
});

describeProfile('carlo-gavazzi/em24', {
  table: 'input',
  unit: 1,
  reads: [
    ['voltage.l1', 0x0000, '0901 0000', 230.5, 'V'], // 2,305 ÷ 10
    ['voltage.l2', 0x0002, '0906 0000', 231, 'V'], // 2,310 ÷ 10
    ['voltage.l3', 0x0004, '090B 0000', 231.5, 'V'], // 2,315 ÷ 10
    ['current.l1', 0x000c, 'EB7E FFFF', -5.25, 'A'], // -5,250 ÷ 1,000
    ['current.l2', 0x000e, 'EA84 FFFF', -5.5, 'A'], // -5,500 ÷ 1,000
    ['current.l3', 0x0010, 'E98A FFFF', -5.75, 'A'], // -5,750 ÷ 1,000
    ['power.l1', 0x0012, 'CA4F FFFF', -1374.5, 'W'], // -13,745 ÷ 10
    ['power.l2', 0x0014, 'CF36 FFFF', -1249, 'W'], // -12,490 ÷ 10
    ['power.l3', 0x0016, 'D41D FFFF', -1123.5, 'W'], // -11,235 ÷ 10
    ['power', 0x0028, 'C568 FFFF', -1500, 'W'], // -15,000 ÷ 10
    ['power.factor.l1', 0x0032, 'FE4A', -0.438, undefined], // -438 ÷ 1,000
    ['power.factor.l2', 0x0033, 'FE89', -0.375, undefined], // -375 ÷ 1,000
    ['power.factor.l3', 0x0034, 'FEC8', -0.312, undefined], // -312 ÷ 1,000
    ['power.factor', 0x0035, 'FE0C', -0.5, undefined], // -500 ÷ 1,000
    ['frequency', 0x0037, '01F3', 49.9, 'Hz'], // 499 ÷ 10
    ['energy.import.l1', 0x0046, '1F85 0006', 40128.5, 'kWh'], // 401,285 ÷ 10
    ['energy.import.l2', 0x0048, '248A 0006', 40257, 'kWh'], // 402,570 ÷ 10
    ['energy.import.l3', 0x004a, '298F 0006', 40385.5, 'kWh'], // 403,855 ÷ 10
    ['energy.export', 0x005c, '4E20 0000', 2000, 'kWh'], // 20,000 ÷ 10
  ],
});

// Addresses and resolutions: opcodes of volkszaehler/mbmd (meters/rs485/abb.go); reactive energies: mapping tables of the A43/A44 manual.
// 230.5 V is 2,305 tenths: 0x00000901. What there is not has all bits set, all but the sign where it has one.
import { describeProfile } from './describe-profile.ts';

describeProfile('abb/b23-b24', {
  table: 'holding',
  unit: 1,
  reads: [
    ['energy.import', 0x5000, '0000 0000 003D 0900', 40000, 'kWh'], // 4,000,000 ÷ 100
    ['energy.export', 0x5004, '0000 0000 0003 0D40', 2000, 'kWh'], // 200,000 ÷ 100
    ['energy.import.l1', 0x5460, '0000 0000 003D 3B32', 40128.5, 'kWh'], // 4,012,850 ÷ 100
    ['energy.import.l2', 0x5464, '0000 0000 003D 6D64', 40257, 'kWh'], // 4,025,700 ÷ 100
    ['energy.import.l3', 0x5468, '0000 0000 003D 9F96', 40385.5, 'kWh'], // 4,038,550 ÷ 100
    ['energy.export.l1', 0x546c, '0000 0000 0003 19D9', 2032.25, 'kWh'], // 203,225 ÷ 100
    ['energy.export.l2', 0x5470, '0000 0000 0003 2672', 2064.5, 'kWh'], // 206,450 ÷ 100
    ['energy.export.l3', 0x5474, '0000 0000 0003 330B', 2096.75, 'kWh'], // 209,675 ÷ 100
    ['voltage.l1', 0x5b00, '0000 0901', 230.5, 'V'], // 2,305 ÷ 10
    ['voltage.l2', 0x5b02, '0000 0906', 231, 'V'], // 2,310 ÷ 10
    ['voltage.l3', 0x5b04, '0000 090B', 231.5, 'V'], // 2,315 ÷ 10
    ['current.l1', 0x5b0c, '0000 020D', 5.25, 'A'], // 525 ÷ 100
    ['current.l2', 0x5b0e, '0000 0226', 5.5, 'A'], // 550 ÷ 100
    ['current.l3', 0x5b10, '0000 023F', 5.75, 'A'], // 575 ÷ 100
    ['power', 0x5b14, 'FFFD B610', -1500, 'W'], // -150,000 ÷ 100
    ['power.l1', 0x5b16, 'FFFD E716', -1374.5, 'W'], // -137,450 ÷ 100
    ['power.l2', 0x5b18, 'FFFE 181C', -1249, 'W'], // -124,900 ÷ 100
    ['power.l3', 0x5b1a, 'FFFE 4922', -1123.5, 'W'], // -112,350 ÷ 100
    ['frequency', 0x5b2c, '1386', 49.98, 'Hz'], // 4,998 ÷ 100
    ['power.factor', 0x5b3a, 'FE0C', -0.5, undefined], // -500 ÷ 1,000
    ['power.factor.l1', 0x5b3b, 'FE4A', -0.438, undefined], // -438 ÷ 1,000
    ['power.factor.l2', 0x5b3c, 'FE89', -0.375, undefined], // -375 ÷ 1,000
    ['power.factor.l3', 0x5b3d, 'FEC8', -0.312, undefined], // -312 ÷ 1,000
    ['energy.reactive.import', 0x500c, '0000 0000 0001 117C', 700.12, 'kvarh'], // 70,012 ÷ 100
    ['energy.reactive.export', 0x5010, '0000 0000 0001 5FB2', 900.34, 'kvarh'], // 90,034 ÷ 100
  ],
  notAvailable: [
    ['energy.export', 0x5004, 'FFFF FFFF FFFF FFFF'],
    ['energy.reactive.import', 0x500c, 'FFFF FFFF FFFF FFFF'],
    ['voltage.l2', 0x5b02, 'FFFF FFFF'],
    ['current.l3', 0x5b10, 'FFFF FFFF'],
    ['power.l2', 0x5b18, '7FFF FFFF'],
    ['power.factor.l3', 0x5b3d, '7FFF'],
    ['frequency', 0x5b2c, 'FFFF'],
  ],
});

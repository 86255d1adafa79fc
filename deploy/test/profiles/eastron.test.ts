// Addresses: opcodes of volkszaehler/mbmd (meters/rs485/sdm*.go), for the SDM72 with those of its manual too.
// Words of float32 (IEEE 754): sign, exponent + 127, fraction. 230.5 = 2^7 × 1.80078125: sign 0, exponent 134 = 0x86, fraction
// 0.80078125 × 2^23 = 0x668000, together 0x43668000, in the registers 4366 8000.
import { describeProfile } from './describe-profile.ts';

describeProfile('eastron/sdm630', {
  table: 'input',
  unit: 1,
  reads: [
    ['voltage.l1', 0x0000, '4366 8000', 230.5, 'V'], // 2^7 × 1.80078125
    ['voltage.l2', 0x0002, '4367 0000', 231, 'V'], // 2^7 × 1.8046875
    ['voltage.l3', 0x0004, '4367 8000', 231.5, 'V'], // 2^7 × 1.80859375
    ['current.l1', 0x0006, '40A8 0000', 5.25, 'A'], // 2^2 × 1.3125
    ['current.l2', 0x0008, '40B0 0000', 5.5, 'A'], // 2^2 × 1.375
    ['current.l3', 0x000a, '40B8 0000', 5.75, 'A'], // 2^2 × 1.4375
    ['power.l1', 0x000c, 'C4AB D000', -1374.5, 'W'], // −2^10 × 1.34228515625
    ['power.l2', 0x000e, 'C49C 2000', -1249, 'W'], // −2^10 × 1.2197265625
    ['power.l3', 0x0010, 'C48C 7000', -1123.5, 'W'], // −2^10 × 1.09716796875
    ['power.apparent.l1', 0x0012, '44D0 1000', 1664.5, 'VA'], // 2^10 × 1.62548828125
    ['power.apparent.l2', 0x0014, '44D8 2000', 1729, 'VA'], // 2^10 × 1.6884765625
    ['power.apparent.l3', 0x0016, '44E0 3000', 1793.5, 'VA'], // 2^10 × 1.75146484375
    ['power.reactive.l1', 0x0018, 'C38D E000', -283.75, 'var'], // −2^8 × 1.1083984375
    ['power.reactive.l2', 0x001a, 'C385 C000', -267.5, 'var'], // −2^8 × 1.044921875
    ['power.reactive.l3', 0x001c, 'C37B 4000', -251.25, 'var'], // −2^7 × 1.962890625
    ['power.factor.l1', 0x001e, 'BEE0 0000', -0.4375, undefined], // −2^-2 × 1.75
    ['power.factor.l2', 0x0020, 'BEC0 0000', -0.375, undefined], // −2^-2 × 1.5
    ['power.factor.l3', 0x0022, 'BEA0 0000', -0.3125, undefined], // −2^-2 × 1.25
    ['power', 0x0034, 'C4BB 8000', -1500, 'W'], // −2^10 × 1.46484375
    ['power.apparent', 0x0038, '44C8 0000', 1600, 'VA'], // 2^10 × 1.5625
    ['power.reactive', 0x003c, 'C396 0000', -300, 'var'], // −2^8 × 1.171875
    ['power.factor', 0x003e, 'BF00 0000', -0.5, undefined], // −2^-1 × 1.0
    ['phase.angle', 0x0042, '41F0 0000', 30, '°'], // 2^4 × 1.875
    ['frequency', 0x0046, '4247 0000', 49.75, 'Hz'], // 2^5 × 1.5546875
    ['energy.import', 0x0048, '471C 4000', 40000, 'kWh'], // 2^15 × 1.220703125
    ['energy.export', 0x004a, '44FA 0000', 2000, 'kWh'], // 2^10 × 1.953125
    ['energy.reactive.import', 0x004c, '442F 0000', 700, 'kvarh'], // 2^9 × 1.3671875
    ['energy.reactive.export', 0x004e, '4461 0000', 900, 'kvarh'], // 2^9 × 1.7578125
    ['voltage.thd.l1', 0x00ea, '3F90 0000', 1.125, '%'], // 2^0 × 1.125
    ['voltage.thd.l2', 0x00ec, '3FA0 0000', 1.25, '%'], // 2^0 × 1.25
    ['voltage.thd.l3', 0x00ee, '3FB0 0000', 1.375, '%'], // 2^0 × 1.375
    ['energy', 0x0156, '4743 5000', 50000, 'kWh'], // 2^15 × 1.52587890625
    ['energy.reactive', 0x0158, '44C8 0000', 1600, 'kvarh'], // 2^10 × 1.5625
    ['energy.import.l1', 0x015a, '471C C080', 40128.5, 'kWh'], // 2^15 × 1.2246246337890625
    ['energy.import.l2', 0x015c, '471D 4100', 40257, 'kWh'], // 2^15 × 1.228546142578125
    ['energy.import.l3', 0x015e, '471D C180', 40385.5, 'kWh'], // 2^15 × 1.2324676513671875
    ['energy.export.l1', 0x0160, '44FE 0800', 2032.25, 'kWh'], // 2^10 × 1.984619140625
    ['energy.export.l2', 0x0162, '4501 0800', 2064.5, 'kWh'], // 2^11 × 1.008056640625
    ['energy.export.l3', 0x0164, '4503 0C00', 2096.75, 'kWh'], // 2^11 × 1.0238037109375
  ],
});

describeProfile('eastron/sdm72', {
  table: 'input',
  unit: 1,
  reads: [
    ['power', 0x0034, 'C4BB 8000', -1500, 'W'], // −2^10 × 1.46484375
    ['energy.import', 0x0048, '471C 4000', 40000, 'kWh'], // 2^15 × 1.220703125
    ['energy.export', 0x004a, '44FA 0000', 2000, 'kWh'], // 2^10 × 1.953125
    ['energy', 0x0156, '4743 5000', 50000, 'kWh'], // 2^15 × 1.52587890625
    ['energy.resettable', 0x0180, '4297 0000', 75.5, 'kWh'], // 2^6 × 1.1796875
    ['energy.import.resettable', 0x0184, '4249 0000', 50.25, 'kWh'], // 2^5 × 1.5703125
    ['energy.export.resettable', 0x0186, '41CA 0000', 25.25, 'kWh'], // 2^4 × 1.578125
    ['power.import', 0x0500, '4420 0000', 640, 'W'], // 2^9 × 1.25
    ['power.export', 0x0502, '4505 C000', 2140, 'W'], // 2^11 × 1.044921875
  ],
});

describeProfile('eastron/sdm72-v2', {
  table: 'input',
  unit: 1,
  reads: [
    ['voltage.l1', 0x0000, '4366 8000', 230.5, 'V'], // 2^7 × 1.80078125
    ['voltage.l2', 0x0002, '4367 0000', 231, 'V'], // 2^7 × 1.8046875
    ['voltage.l3', 0x0004, '4367 8000', 231.5, 'V'], // 2^7 × 1.80859375
    ['current.l1', 0x0006, '40A8 0000', 5.25, 'A'], // 2^2 × 1.3125
    ['current.l2', 0x0008, '40B0 0000', 5.5, 'A'], // 2^2 × 1.375
    ['current.l3', 0x000a, '40B8 0000', 5.75, 'A'], // 2^2 × 1.4375
    ['power.l1', 0x000c, 'C4AB D000', -1374.5, 'W'], // −2^10 × 1.34228515625
    ['power.l2', 0x000e, 'C49C 2000', -1249, 'W'], // −2^10 × 1.2197265625
    ['power.l3', 0x0010, 'C48C 7000', -1123.5, 'W'], // −2^10 × 1.09716796875
    ['power.apparent.l1', 0x0012, '44D0 1000', 1664.5, 'VA'], // 2^10 × 1.62548828125
    ['power.apparent.l2', 0x0014, '44D8 2000', 1729, 'VA'], // 2^10 × 1.6884765625
    ['power.apparent.l3', 0x0016, '44E0 3000', 1793.5, 'VA'], // 2^10 × 1.75146484375
    ['power.reactive.l1', 0x0018, 'C38D E000', -283.75, 'var'], // −2^8 × 1.1083984375
    ['power.reactive.l2', 0x001a, 'C385 C000', -267.5, 'var'], // −2^8 × 1.044921875
    ['power.reactive.l3', 0x001c, 'C37B 4000', -251.25, 'var'], // −2^7 × 1.962890625
    ['power.factor.l1', 0x001e, 'BEE0 0000', -0.4375, undefined], // −2^-2 × 1.75
    ['power.factor.l2', 0x0020, 'BEC0 0000', -0.375, undefined], // −2^-2 × 1.5
    ['power.factor.l3', 0x0022, 'BEA0 0000', -0.3125, undefined], // −2^-2 × 1.25
    ['power', 0x0034, 'C4BB 8000', -1500, 'W'], // −2^10 × 1.46484375
    ['power.apparent', 0x0038, '44C8 0000', 1600, 'VA'], // 2^10 × 1.5625
    ['power.reactive', 0x003c, 'C396 0000', -300, 'var'], // −2^8 × 1.171875
    ['power.factor', 0x003e, 'BF00 0000', -0.5, undefined], // −2^-1 × 1.0
    ['frequency', 0x0046, '4247 0000', 49.75, 'Hz'], // 2^5 × 1.5546875
    ['energy.import', 0x0048, '471C 4000', 40000, 'kWh'], // 2^15 × 1.220703125
    ['energy.export', 0x004a, '44FA 0000', 2000, 'kWh'], // 2^10 × 1.953125
    ['energy', 0x0156, '4743 5000', 50000, 'kWh'], // 2^15 × 1.52587890625
    ['energy.reactive', 0x0158, '44C8 0000', 1600, 'kvarh'], // 2^10 × 1.5625
  ],
});

describeProfile('eastron/sdm230', {
  table: 'input',
  unit: 1,
  reads: [
    ['voltage', 0x0000, '4366 0000', 230, 'V'], // 2^7 × 1.796875
    ['current', 0x0006, '40A0 0000', 5, 'A'], // 2^2 × 1.25
    ['power', 0x000c, 'C4BB 8000', -1500, 'W'], // −2^10 × 1.46484375
    ['power.apparent', 0x0012, '44C8 0000', 1600, 'VA'], // 2^10 × 1.5625
    ['power.reactive', 0x0018, 'C396 0000', -300, 'var'], // −2^8 × 1.171875
    ['power.factor', 0x001e, 'BF00 0000', -0.5, undefined], // −2^-1 × 1.0
    ['phase.angle', 0x0024, '41F0 0000', 30, '°'], // 2^4 × 1.875
    ['frequency', 0x0046, '4247 0000', 49.75, 'Hz'], // 2^5 × 1.5546875
    ['energy.import', 0x0048, '471C 4000', 40000, 'kWh'], // 2^15 × 1.220703125
    ['energy.export', 0x004a, '44FA 0000', 2000, 'kWh'], // 2^10 × 1.953125
    ['energy.reactive.import', 0x004c, '442F 0000', 700, 'kvarh'], // 2^9 × 1.3671875
    ['energy.reactive.export', 0x004e, '4461 0000', 900, 'kvarh'], // 2^9 × 1.7578125
    ['energy', 0x0156, '4743 5000', 50000, 'kWh'], // 2^15 × 1.52587890625
    ['energy.reactive', 0x0158, '44C8 0000', 1600, 'kvarh'], // 2^10 × 1.5625
  ],
});

// Addresses: PAC2200 manual (table A-3), volkszaehler/mbmd (meters/rs485/pac2200.go); energies of tariff 1: PAC4200 manual.
// Words of float32 (IEEE 754): sign, exponent + 127, fraction. 230.5 = 2^7 × 1.80078125: sign 0, exponent 134 = 0x86, fraction
// 0.80078125 × 2^23 = 0x668000, together 0x43668000, in the registers 4366 8000.
// float64: sign, exponent + 1023, fraction of 52 bits.
import { describeProfile } from './describe-profile.ts';

describeProfile('siemens/pac2200', {
  table: 'input',
  unit: 1,
  reads: [
    ['voltage.l1', 1, '4366 8000', 230.5, 'V'], // 2^7 × 1.80078125
    ['voltage.l2', 3, '4367 0000', 231, 'V'], // 2^7 × 1.8046875
    ['voltage.l3', 5, '4367 8000', 231.5, 'V'], // 2^7 × 1.80859375
    ['voltage.l1-l2', 7, '43C8 4000', 400.5, 'V'], // 2^8 × 1.564453125
    ['voltage.l2-l3', 9, '43C8 C000', 401.5, 'V'], // 2^8 × 1.568359375
    ['voltage.l3-l1', 11, '43C9 4000', 402.5, 'V'], // 2^8 × 1.572265625
    ['current.l1', 13, '40A8 0000', 5.25, 'A'], // 2^2 × 1.3125
    ['current.l2', 15, '40B0 0000', 5.5, 'A'], // 2^2 × 1.375
    ['current.l3', 17, '40B8 0000', 5.75, 'A'], // 2^2 × 1.4375
    ['power.apparent.l1', 19, '44A2 9000', 1300.5, 'VA'], // 2^10 × 1.27001953125
    ['power.apparent.l2', 21, '44A3 D000', 1310.5, 'VA'], // 2^10 × 1.27978515625
    ['power.apparent.l3', 23, '44A5 1000', 1320.5, 'VA'], // 2^10 × 1.28955078125
    ['power.l1', 25, 'C49C 5000', -1250.5, 'W'], // −2^10 × 1.22119140625
    ['power.l2', 27, 'C48F D000', -1150.5, 'W'], // −2^10 × 1.12353515625
    ['power.l3', 29, 'C483 5000', -1050.5, 'W'], // −2^10 × 1.02587890625
    ['power.reactive.l1', 31, 'C396 2000', -300.25, 'var'], // −2^8 × 1.1728515625
    ['power.reactive.l2', 33, 'C38C 2000', -280.25, 'var'], // −2^8 × 1.0947265625
    ['power.reactive.l3', 35, 'C382 2000', -260.25, 'var'], // −2^8 × 1.0166015625
    ['power.factor.l1', 37, '3F70 0000', 0.9375, undefined], // 2^-1 × 1.875
    ['power.factor.l2', 39, '3F60 0000', 0.875, undefined], // 2^-1 × 1.75
    ['power.factor.l3', 41, '3F50 0000', 0.8125, undefined], // 2^-1 × 1.625
    ['power.apparent', 63, '4575 B800', 3931.5, 'VA'], // 2^11 × 1.919677734375
    ['power', 65, 'C557 B800', -3451.5, 'W'], // −2^11 × 1.685302734375
    ['power.reactive', 67, 'C452 3000', -840.75, 'var'], // −2^9 × 1.64208984375
    ['power.factor', 69, '3F60 0000', 0.875, undefined], // 2^-1 × 1.75
    ['energy.import', 801, '4167 8C29 D000 0000', 12345678.5, 'Wh'], // 2^23 × 1.4717195630073547
    ['energy.export', 809, '412E 240C 8000 0000', 987654.25, 'Wh'], // 2^19 × 1.883800983428955
  ],
});

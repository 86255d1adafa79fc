// Addresses: opcodes of volkszaehler/mbmd (meters/rs485/iem3000.go), on the wire: one less than in the documents of the maker.
// Voltages between phases: registers 3020, 3022 and 3024 of the map for iEM3100 and iEM3200. Energies are int64 in Wh, power is in kW.
// Words of float32 (IEEE 754): sign, exponent + 127, fraction. 230.5 = 2^7 × 1.80078125: sign 0, exponent 134 = 0x86, fraction
// 0.80078125 × 2^23 = 0x668000, together 0x43668000, in the registers 4366 8000.
import { describeProfile } from './describe-profile.ts';

describeProfile('schneider/iem3000', {
  table: 'holding',
  unit: 1,
  reads: [
    ['current.l1', 0x0bb7, '40A8 0000', 5.25, 'A'], // 2^2 × 1.3125
    ['current.l2', 0x0bb9, '40B0 0000', 5.5, 'A'], // 2^2 × 1.375
    ['current.l3', 0x0bbb, '40B8 0000', 5.75, 'A'], // 2^2 × 1.4375
    ['current.average', 0x0bc1, '40A0 0000', 5, 'A'], // 2^2 × 1.25
    ['voltage.l1', 0x0bd3, '4366 8000', 230.5, 'V'], // 2^7 × 1.80078125
    ['voltage.l2', 0x0bd5, '4367 0000', 231, 'V'], // 2^7 × 1.8046875
    ['voltage.l3', 0x0bd7, '4367 8000', 231.5, 'V'], // 2^7 × 1.80859375
    ['voltage.average', 0x0bdb, '4366 0000', 230, 'V'], // 2^7 × 1.796875
    ['power.l1', 0x0bed, 'BFB0 0000', -1.375, 'kW'], // −2^0 × 1.375
    ['power.l2', 0x0bef, 'BFA0 0000', -1.25, 'kW'], // −2^0 × 1.25
    ['power.l3', 0x0bf1, 'BF90 0000', -1.125, 'kW'], // −2^0 × 1.125
    ['power', 0x0bf3, 'BFC0 0000', -1.5, 'kW'], // −2^0 × 1.5
    ['power.reactive', 0x0bfb, 'BE98 0000', -0.296875, 'kvar'], // −2^-2 × 1.1875
    ['power.apparent', 0x0c03, '3FCC 0000', 1.59375, 'kVA'], // 2^0 × 1.59375
    ['frequency', 0x0c25, '4247 0000', 49.75, 'Hz'], // 2^5 × 1.5546875
    ['energy.import', 0x0c83, '0000 0000 0262 5A07', 40000007n, 'Wh'],
    ['energy.export', 0x0c87, '0000 0000 001E 8487', 2000007n, 'Wh'],
    ['energy.reactive.import', 0x0c93, '0000 0000 000A AE67', 700007n, 'varh'],
    ['energy.reactive.export', 0x0c97, '0000 0000 000D BBA7', 900007n, 'varh'],
    ['energy.import.l1', 0x0dbd, '0000 0000 0264 4E07', 40128007n, 'Wh'],
    ['energy.import.l2', 0x0dc1, '0000 0000 0266 45EF', 40257007n, 'Wh'],
    ['energy.import.l3', 0x0dc5, '0000 0000 0268 39EF', 40385007n, 'Wh'],
    ['voltage.l1-l2', 0x0bcb, '43C8 4000', 400.5, 'V'], // 2^8 × 1.564453125
    ['voltage.l2-l3', 0x0bcd, '43C8 C000', 401.5, 'V'], // 2^8 × 1.568359375
    ['voltage.l3-l1', 0x0bcf, '43C9 4000', 402.5, 'V'], // 2^8 × 1.572265625
  ],
});

// Addresses on the wire, one less than in the documents of the maker. iEM3000: opcodes of volkszaehler/mbmd (meters/rs485/iem3000.go);
// voltages between phases: registers 3020, 3022 and 3024 of the map for iEM3100 and iEM3200. PM5000: PM5100Register.java of
// SolarNetwork/solarnetwork-node. Energies are int64 in Wh, power is in kW.
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

describeProfile('schneider/pm5000', {
  table: 'holding',
  unit: 1,
  reads: [
    ['current.l1', 2999, '40A8 0000', 5.25, 'A'], // 2^2 × 1.3125
    ['current.l2', 3001, '40B0 0000', 5.5, 'A'], // 2^2 × 1.375
    ['current.l3', 3003, '40B8 0000', 5.75, 'A'], // 2^2 × 1.4375
    ['current.n', 3005, '3E00 0000', 0.125, 'A'], // 2^-3 × 1.0
    ['current.average', 3009, '40B0 0000', 5.5, 'A'], // 2^2 × 1.375
    ['voltage.l1-l2', 3019, '43C8 4000', 400.5, 'V'], // 2^8 × 1.564453125
    ['voltage.l2-l3', 3021, '43C8 C000', 401.5, 'V'], // 2^8 × 1.568359375
    ['voltage.l3-l1', 3023, '43C9 4000', 402.5, 'V'], // 2^8 × 1.572265625
    ['voltage.line', 3025, '43C8 E000', 401.75, 'V'], // 2^8 × 1.5693359375
    ['voltage.l1', 3027, '4366 8000', 230.5, 'V'], // 2^7 × 1.80078125
    ['voltage.l2', 3029, '4367 0000', 231, 'V'], // 2^7 × 1.8046875
    ['voltage.l3', 3031, '4367 8000', 231.5, 'V'], // 2^7 × 1.80859375
    ['voltage.average', 3035, '4367 4000', 231.25, 'V'], // 2^7 × 1.806640625
    ['power.l1', 3053, 'BFA0 0000', -1.25, 'kW'], // −2^0 × 1.25
    ['power.l2', 3055, 'BF90 0000', -1.125, 'kW'], // −2^0 × 1.125
    ['power.l3', 3057, 'BF80 0000', -1, 'kW'], // −2^0 × 1.0
    ['power', 3059, 'C058 0000', -3.375, 'kW'], // −2^1 × 1.6875
    ['power.reactive', 3067, 'BF58 0000', -0.84375, 'kvar'], // −2^-1 × 1.6875
    ['power.apparent', 3075, '4060 0000', 3.5, 'kVA'], // 2^1 × 1.75
    ['frequency', 3109, '4247 8000', 49.875, 'Hz'], // 2^5 × 1.55859375
    ['energy.import', 3203, '0000 0001 2A05 F201', 5000000001n, 'Wh'],
    ['energy.export', 3207, '0000 0001 2A05 F270', 5000000112n, 'Wh'],
    ['energy.reactive.import', 3219, '0000 0001 2A05 F2DF', 5000000223n, 'varh'],
    ['energy.reactive.export', 3223, '0000 0001 2A05 F34E', 5000000334n, 'varh'],
    ['energy.apparent.import', 3235, '0000 0001 2A05 F3BD', 5000000445n, 'VAh'],
    ['energy.apparent.export', 3239, '0000 0001 2A05 F42C', 5000000556n, 'VAh'],
  ],
});

// Addresses and formats: evcc-io/evcc (sma-inverter-modbus.yaml) and the register list of STP 15000TL-30 to 25000TL-30: FIX0, FIX2 and FIX3 have 0, 2 and 3
// decimals. 230.51 V is 23,051 hundredths: 0x00005A0B. What there is not: 0x80000000 of int32, all bits of uint32 and uint64.
import { describeProfile } from './describe-profile.ts';

describeProfile('sma/tripower', {
  table: 'input',
  unit: 3,
  reads: [
    ['energy.yield', 30513, '0000 0000 075B CD15', 123456789n, 'Wh'],
    ['energy.yield.today', 30517, '0000 0000 0000 D431', 54321n, 'Wh'],
    ['dc.current.a', 30769, '0000 3039', 12.345, 'A'], // 12,345 ÷ 1,000
    ['dc.voltage.a', 30771, '0000 EF32', 612.34, 'V'], // 61,234 ÷ 100
    ['dc.power.a', 30773, '0000 1D87', 7559, 'W'],
    ['power', 30775, '0000 37F1', 14321, 'W'],
    ['power.l1', 30777, '0000 12A3', 4771, 'W'],
    ['power.l2', 30779, '0000 12A7', 4775, 'W'],
    ['power.l3', 30781, '0000 12A7', 4775, 'W'],
    ['voltage.l1', 30783, '0000 5A0B', 230.51, 'V'], // 23,051 ÷ 100
    ['voltage.l2', 30785, '0000 5A3E', 231.02, 'V'], // 23,102 ÷ 100
    ['voltage.l3', 30787, '0000 59CB', 229.87, 'V'], // 22,987 ÷ 100
    ['frequency', 30803, '0000 1389', 50.01, 'Hz'], // 5,001 ÷ 100
    ['power.reactive', 30805, 'FFFF FF06', -250, 'var'],
    ['power.apparent', 30813, '0000 380E', 14350, 'VA'],
    ['dc.current.b', 30957, '0000 2B67', 11.111, 'A'], // 11,111 ÷ 1,000
    ['dc.voltage.b', 30959, '0000 E9E4', 598.76, 'V'], // 59,876 ÷ 100
    ['dc.power.b', 30961, '0000 19FC', 6652, 'W'],
    ['current.l1', 30977, '0000 50DD', 20.701, 'A'], // 20,701 ÷ 1,000
    ['current.l2', 30979, '0000 50DE', 20.702, 'A'], // 20,702 ÷ 1,000
    ['current.l3', 30981, '0000 50DF', 20.703, 'A'], // 20,703 ÷ 1,000
  ],
  notAvailable: [
    ['energy.yield', 30513, 'FFFF FFFF FFFF FFFF'],
    ['power', 30775, '8000 0000'],
    ['voltage.l2', 30785, 'FFFF FFFF'],
    ['frequency', 30803, 'FFFF FFFF'],
    ['current.l1', 30977, '8000 0000'],
  ],
});

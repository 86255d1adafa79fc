// Addresses, types and gains: registers.py of wlcrs/huawei-solar-lib, compared with the templates of evcc-io/evcc.
// −2,210 W as int32 is 0xFFFFF75E; 230.5 V is 2,305 tenths: 0x0901.
import { describeProfile } from './describe-profile.ts';

describeProfile('huawei/sun2000', {
  table: 'holding',
  unit: 1,
  reads: [
    ['pv1.voltage', 32016, '17EB', 612.3, 'V'], // 6,123 ÷ 10
    ['pv1.current', 32017, '036C', 8.76, 'A'], // 876 ÷ 100
    ['pv2.voltage', 32018, '1763', 598.7, 'V'], // 5,987 ÷ 10
    ['pv2.current', 32019, 'FFFF', -0.01, 'A'], // -1 ÷ 100
    ['dc.power', 32064, '0000 14F4', 5364, 'W'],
    ['voltage.l1', 32069, '0901', 230.5, 'V'], // 2,305 ÷ 10
    ['voltage.l2', 32070, '0906', 231, 'V'], // 2,310 ÷ 10
    ['voltage.l3', 32071, '090B', 231.5, 'V'], // 2,315 ÷ 10
    ['current.l1', 32072, '0000 1DE6', 7.654, 'A'], // 7,654 ÷ 1,000
    ['current.l2', 32074, '0000 1EE0', 7.904, 'A'], // 7,904 ÷ 1,000
    ['current.l3', 32076, '0000 1FDA', 8.154, 'A'], // 8,154 ÷ 1,000
    ['power', 32080, '0000 1482', 5250, 'W'],
    ['power.reactive', 32082, 'FFFF FF88', -120, 'var'],
    ['power.factor', 32084, '03E6', 0.998, undefined], // 998 ÷ 1,000
    ['frequency', 32085, '138A', 50.02, 'Hz'], // 5,002 ÷ 100
    ['temperature', 32087, 'FFDD', -3.5, '°C'], // -35 ÷ 10
    ['energy.yield', 32106, '0012 D687', 12345.67, 'kWh'], // 1,234,567 ÷ 100
    ['energy.yield.today', 32114, '0000 0929', 23.45, 'kWh'], // 2,345 ÷ 100
    ['meter.voltage.l1', 37101, '0000 08F7', 229.5, 'V'], // 2,295 ÷ 10
    ['meter.voltage.l2', 37103, '0000 08FC', 230, 'V'], // 2,300 ÷ 10
    ['meter.voltage.l3', 37105, '0000 0901', 230.5, 'V'], // 2,305 ÷ 10
    ['meter.current.l1', 37107, 'FFFF FEBF', -3.21, 'A'], // -321 ÷ 100
    ['meter.current.l2', 37109, 'FFFF FEA6', -3.46, 'A'], // -346 ÷ 100
    ['meter.current.l3', 37111, 'FFFF FE8D', -3.71, 'A'], // -371 ÷ 100
    ['meter.power', 37113, 'FFFF F75E', -2210, 'W'],
    ['meter.frequency', 37118, '1385', 49.97, 'Hz'], // 4,997 ÷ 100
    ['meter.energy.export', 37119, '0006 F855', 4567.89, 'kWh'], // 456,789 ÷ 100
    ['meter.energy.import', 37121, '000F 1206', 9876.54, 'kWh'], // 987,654 ÷ 100
    ['meter.power.l1', 37132, 'FFFF FD44', -700, 'W'],
    ['meter.power.l2', 37134, 'FFFF FD43', -701, 'W'],
    ['meter.power.l3', 37136, 'FFFF FD42', -702, 'W'],
  ],
  notAvailable: [
    ['pv2.voltage', 32018, '7FFF'],
    ['voltage.l3', 32071, 'FFFF'],
    ['power', 32080, '7FFF FFFF'],
    ['energy.yield', 32106, 'FFFF FFFF'],
    ['meter.power', 37113, '7FFF FFFF'],
    ['meter.frequency', 37118, '7FFF'],
  ],
});

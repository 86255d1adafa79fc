import { describe, expect, test } from 'vitest';
import { parseNodeName, resolveNode } from '../../../src/drivers/opcua/nodes/node-id.ts';

const namespaces = ['http://opcfoundation.org/UA/', 'urn:server', 'urn:plant'];
const resolved = (text: string): string => {
  const node = resolveNode(parseNodeName(text), namespaces);
  return 'nodeId' in node ? node.nodeId.toString() : node.reason;
};

describe('a node', () => {
  test.each([
    ['nsu=urn:plant;s=Line1.Speed', 'ns=2;s=Line1.Speed'],
    ['nsu=urn:plant;s=a;b=c=d', 'ns=2;s=a;b=c=d'],
    ['nsu=urn:plant;i=1001', 'ns=2;i=1001'],
    ['nsu=urn:plant;s=72962B91-FA75-4AE6-8D28-B404DC7DAF63', 'ns=2;s=72962B91-FA75-4AE6-8D28-B404DC7DAF63'],
    ['ns=1;g=72962B91-FA75-4AE6-8D28-B404DC7DAF63', 'ns=1;g=72962B91-FA75-4AE6-8D28-B404DC7DAF63'],
    ['ns=3;b=AQID', 'ns=3;b=AQID'],
    ['i=2258', 'ns=0;i=2258'],
  ])('%s is %s on a server where urn:plant is namespace 2', (text, expected) => {
    expect(resolved(text)).toBe(expected);
  });

  test('of a namespace that the server does not have says which it has', () => {
    expect(resolved('nsu=urn:gone;s=x')).toBe(`the server has no namespace urn:gone; it has ${namespaces.join(', ')}`);
  });

  test('that is none says so', () => {
    expect(resolved('i=abc')).toBe('i=abc is not a node id: i= takes a number');
    expect(resolved('g=1')).toBe('g=1 is not a node id');
  });
});

/**
 * `shareOut` as an assigner of KafkaJS. The library has no static membership, and makes a new member id at each start: so
 * each member tells its instance name and what it reads in the metadata with which it joins.
 */
import kafkajs, { type Assigner, type Cluster, type PartitionAssigner } from 'kafkajs';
import { z } from 'zod';
import { type GroupMember, shareOut } from '../sticky-share.ts';

const { AssignerProtocol } = kafkajs;
const protocolName = 'fieldline-sticky';
const version = 1;

const userDataSchema = z.object({ instance: z.string(), held: z.array(z.int()) });

export const stickyAssigner =
  (instance: string, held: () => readonly number[]): PartitionAssigner =>
  ({ cluster }: { cluster: Cluster }): Assigner => ({
    name: protocolName,
    version,
    protocol: ({ topics }) => ({
      name: protocolName,
      metadata: AssignerProtocol.MemberMetadata.encode({
        version,
        topics,
        userData: Buffer.from(JSON.stringify({ instance, held: held() })),
      }),
    }),
    assign: async ({ members, topics }) => {
      const known = members.map(({ memberId, memberMetadata }) => memberOf(memberId, memberMetadata));
      const perTopic = topics.map((topic) => {
        const partitions = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId);
        return {
          topic,
          shares: shareOut(
            known,
            partitions.sort((a, b) => a - b),
          ),
        };
      });
      return known.map(({ id }) => {
        const assignment = Object.fromEntries(perTopic.map(({ topic, shares }) => [topic, shares.get(id) ?? []]));
        return {
          memberId: id,
          memberAssignment: AssignerProtocol.MemberAssignment.encode({
            version,
            assignment,
            userData: Buffer.alloc(0),
          }),
        };
      });
    },
  });

/** A member that does not tell holds nothing, under the name that the broker gave it. */
function memberOf(id: string, metadata: Buffer): GroupMember {
  try {
    const userData = AssignerProtocol.MemberMetadata.decode(metadata)?.userData.toString() ?? '';
    return { id, ...userDataSchema.parse(JSON.parse(userData)) };
  } catch {
    return { id, instance: id, held: [] };
  }
}

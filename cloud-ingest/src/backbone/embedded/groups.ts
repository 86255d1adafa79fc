/** Which member of a group holds which partitions, within this process. */
export type Member = { readonly assign: (partitions: readonly number[]) => void };

export class Groups {
  private readonly members = new Map<string, Member[]>();

  /** Members share partitions in turn; who came first keeps the lower ones. */
  join(name: string, member: Member, partitions: number): void {
    this.members.set(name, [...(this.members.get(name) ?? []), member]);
    this.share(name, partitions);
  }

  leave(name: string, member: Member, partitions: number): void {
    this.members.set(
      name,
      (this.members.get(name) ?? []).filter((each) => each !== member),
    );
    member.assign([]);
    this.share(name, partitions);
  }

  private share(name: string, partitions: number): void {
    const members = this.members.get(name) ?? [];
    const all = Array.from({ length: partitions }, (_, partition) => partition);
    const shares = members.map((_, index) => all.filter((partition) => partition % members.length === index));
    // What one gives up is given up before another takes it.
    members.forEach((member, index) => {
      const share = shares[index] ?? [];
      member.assign(share);
    });
  }
}

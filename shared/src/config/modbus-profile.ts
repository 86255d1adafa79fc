/**
 * A profile: what stands in which register of a kind of device. It is the map; where such a device is and how often it is
 * read stands in the settings of a gateway. The file is YAML, shipped ones are in edge-agent/profiles.
 */
import { z } from 'zod';
import { modbusDeviceObject, modbusDeviceSchema, modbusTagSchema } from './modbus.ts';
import { id } from './units.ts';

export const sourceSchema = z.strictObject({
  title: z.string().min(1).max(256),
  at: z.string().min(1).max(512).describe('where it can be read: an address, or repository and path'),
  edition: z.string().min(1).max(128).optional().describe('edition of a document, commit of a repository'),
});

export const profileTagSchema = modbusTagSchema.safeExtend({
  group: id.optional().describe('a name under which settings can choose it together with others, e.g. voltages'),
});

/** Of the device settings, what its maker has fixed. A device in the settings may still state them otherwise. */
const deviceShape = modbusDeviceObject.pick({
  unit: true,
  answersAs: true,
  addressBase: true,
  byteOrder: true,
  maxRegisters: true,
  maxSubRequests: true,
  joinRecords: true,
  maxBits: true,
  maxGap: true,
  avoid: true,
  timeoutMs: true,
  everyMs: true,
}).shape;
type DeviceShape = typeof deviceShape;

/** Without defaults: what a profile does not say, the device or the defaults of the settings say. */
const unwrapped = Object.fromEntries(
  Object.entries(deviceShape).map(([key, schema]) => [key, schema.unwrap().optional()]),
) as { [Key in keyof DeviceShape]: z.ZodOptional<ReturnType<DeviceShape[Key]['unwrap']>> };

const profileObject = z.strictObject({
  model: z.string().min(1).max(128).describe('maker and type, e.g. Eastron SDM630'),
  sources: z.array(sourceSchema).min(1).describe('what the numbers were taken from'),
  notes: z.string().min(1).max(4_096).optional().describe('what somebody who connects such a device must know'),
  ...unwrapped,
  tags: z.array(profileTagSchema).min(1),
});

export const modbusProfileSchema = profileObject.superRefine((profile, context) => {
  const issue = (path: PropertyKey[], message: string): void => context.addIssue({ code: 'custom', path, message });
  const names = new Set<string>();
  const groups = new Set(profile.tags.map(({ group }) => group));
  for (const [position, { tag, write, exchange }] of profile.tags.entries()) {
    if (write !== undefined) {
      issue(['tags', position, 'write'], 'an installation allows this, not a profile: state it under override');
    }
    if (exchange !== undefined) {
      issue(['tags', position, 'exchange'], 'is read by writing, which an installation allows, not a profile');
    }
    if (names.has(tag)) issue(['tags', position, 'tag'], 'another tag of this profile has this id');
    if (groups.has(tag)) issue(['tags', position, 'tag'], 'a group of this profile has this name');
    names.add(tag);
  }
  const device = modbusDeviceSchema.safeParse(anyDevice(profile));
  for (const { path, message } of device.error?.issues ?? []) issue([...path], message);
});
export type ModbusProfile = z.infer<typeof modbusProfileSchema>;

/** Such a device somewhere: what cannot be right of any is told of the profile. */
function anyDevice({
  tags,
  model: _model,
  sources: _sources,
  notes: _notes,
  ...settings
}: z.infer<typeof profileObject>) {
  return {
    device: 'any',
    protocol: 'modbus',
    link: { kind: 'tcp', host: 'any' },
    ...settings,
    tags: tags.map(({ group: _group, exchange: _exchange, ...tag }) => tag),
  };
}

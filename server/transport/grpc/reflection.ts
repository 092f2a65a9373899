import { readFileSync } from 'node:fs';
import { ReflectionService } from '@grpc/reflection';
import type { EnumTypeDefinition } from '@grpc/proto-loader';

/**
 * Server reflection (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md) of our contract and of the services
 * beside it, health and reflection itself. What proto-loader makes of a .proto file names the entries of maps in a way that stock
 * tools refuse, so the descriptors are those that `npm run generate` has a Protobuf compiler make.
 */
export function reflection(): ReflectionService {
  const bytes = readFileSync(new URL('../../../protos/gen/descriptors.binpb', import.meta.url));
  const fileDescriptorProtos = filesOf(bytes);
  // The service looks at nothing but the descriptors of what it is given.
  const everything = { fileDescriptorProtos } as EnumTypeDefinition;
  return new ReflectionService({ everything });
}

/** `FileDescriptorSet.file`: field 1, length-delimited; the only field. */
const FILE_TAG = (1 << 3) | 2;

/** The encoded files of an encoded `google.protobuf.FileDescriptorSet`, as they are. */
function filesOf(descriptorSet: Buffer): Buffer[] {
  const files: Buffer[] = [];
  let at = 0;
  while (at < descriptorSet.length) {
    if (descriptorSet[at] !== FILE_TAG) throw new RangeError('not a FileDescriptorSet');
    at += 1;
    let length = 0;
    let byte = 0x80;
    for (let shift = 0; byte >= 0x80; shift += 7) {
      byte = descriptorSet[at++] as number;
      length |= (byte & 0x7f) << shift;
    }
    files.push(descriptorSet.subarray(at, at + length));
    at += length;
  }
  return files;
}

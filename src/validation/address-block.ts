/** Blocks of IP addresses (CIDR), as numbers. */
import { isIP } from "node:net";

export interface AddressBlock {
  /** 32 or 128. */
  width: number;
  bits: bigint;
  /** Length of the prefix. */
  length: number;
}

/** A block such as `10.0.0.0/8` or `2001:db8::/32`; `undefined` when it is none. */
export function parseBlock(text: string): AddressBlock | undefined {
  const [address = "", length = "", ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || address.includes("%") || rest.length > 0 || !/^(?:0|[1-9]\d{0,2})$/.test(length))
    return undefined;
  const width = family === 4 ? 32 : 128;
  if (Number(length) > width) return undefined;
  return { width, bits: family === 4 ? bitsOf4(address) : bitsOf6(address), length: Number(length) };
}

/** Whether a block is a part of another one, and smaller. */
export function isInside(part: AddressBlock, whole: AddressBlock): boolean {
  if (part.width !== whole.width || part.length <= whole.length) return false;
  const shift = BigInt(whole.width - whole.length);
  return part.bits >> shift === whole.bits >> shift;
}

function bitsOf4(address: string): bigint {
  return address.split(".").reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
}

function bitsOf6(address: string): bigint {
  const [head = "", tail] = address.split("::");
  const before = groupsOf(head);
  const after = groupsOf(tail ?? "");
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0n);
  return [...before, ...zeros, ...after].reduce((bits, group) => (bits << 16n) | group, 0n);
}

/** Groups of 16 bits; an IPv4 address at the end is two of them. */
function groupsOf(text: string): bigint[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (!group.includes(".")) return [BigInt(`0x${group}`)];
    const bits = bitsOf4(group);
    return [bits >> 16n, bits & 0xffffn];
  });
}
